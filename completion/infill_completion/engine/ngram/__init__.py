"""Counts of what follows what in the prompt and in the workspace's files, mixed with the model's distribution."""
