"""Checkpoints: selecting, checking, loading, downloading and quantizing them, and their tokenizers."""
