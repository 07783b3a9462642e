"""Next edits: what the user has just changed, and where the same change is due."""
