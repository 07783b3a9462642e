"""Next edits by a model that rewrites the lines around the cursor: what it is asked, and what its answer changes."""
