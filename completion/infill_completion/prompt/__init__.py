"""Fill-in-the-middle prompts, as token ids (`tokens`) and as text (`text`).

Entry: `formats`, which chooses the prompt format of a model; one row for each model family.
"""
