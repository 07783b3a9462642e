"""The prompts of next-edit models, which write lines around the cursor anew, and what their answers mean."""
