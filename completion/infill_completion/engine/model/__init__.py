"""The forward pass and its KV cache."""
