"""What can go wrong with a model, as one sentence with the next step."""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the message is one sentence that tells the next step."""
