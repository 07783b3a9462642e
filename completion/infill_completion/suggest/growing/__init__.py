"""Suggestions that grow by whole lines while the user pauses."""
