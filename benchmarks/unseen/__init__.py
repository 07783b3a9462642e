"""The rest of a line in projects that no model was trained on, by language, through the whole pipeline."""
