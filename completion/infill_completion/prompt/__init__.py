"""Fill-in-the-middle prompts, as token ids and as text. Entry: `formats`, one row per model family."""
