"""Decoding: prefill, sampling, candidates and token healing; `generator.py` is the entry."""
