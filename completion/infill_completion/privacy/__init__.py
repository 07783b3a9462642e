"""What never reaches a model: private files, and secrets in the text of others."""
