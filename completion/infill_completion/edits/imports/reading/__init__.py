"""Import statements, read from the text of a file in each language."""
