"""Errors of the engine that are shown to the user: one sentence with the next step."""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the message is one sentence with the next step."""


class ServeError(Exception):
    """The engine cannot run as asked; the message is one sentence with the next step."""


_CPU_ALLOCATOR = ("can't allocate memory", "not enough memory")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a device ran out of memory: torch has an error class for GPUs, but only a message for the CPU."""
    return type(error).__name__ == "OutOfMemoryError" or any(text in str(error) for text in _CPU_ALLOCATOR)
