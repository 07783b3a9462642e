"""Next edits on the side of the language server."""
