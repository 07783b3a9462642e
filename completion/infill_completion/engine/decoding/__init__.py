"""Decoding: prefill, sampling, candidates and token healing. Entries: `generator`, and `run` for one request."""
