"""What can go wrong with a model, as one sentence with the next step."""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the message is one sentence that tells the next step."""


_CPU_ALLOCATOR = ("can't allocate memory", "not enough memory")


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether a device had no memory left: torch has a class for that on GPUs and only a sentence on the CPU."""
    return type(error).__name__ == "OutOfMemoryError" or any(text in str(error) for text in _CPU_ALLOCATOR)
