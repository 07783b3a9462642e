"""Answers that are computed before the user gets to where they are shown."""
