"""Models in GGUF files: their weights as plain tensors, their configuration, and their tokenizer."""
