"""``infill-ls models pull``: download checkpoints.  Neither torch nor transformers is imported."""
