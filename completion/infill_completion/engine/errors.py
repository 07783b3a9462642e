"""Errors of the engine that are shown to the user: one sentence with the next step."""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the message is one sentence with the next step."""


class ServeError(Exception):
    """The engine cannot run as asked; the message is one sentence with the next step."""


# Of the CPU, of CUDA and cuBLAS where they allocate without torch, and of Apple's devices.
_NO_MEMORY = (
    "can't allocate memory", "not enough memory", "CUDA error: out of memory", "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED", "MPS backend out of memory",
)  # fmt: skip
# Errors after which every call on the device fails until the process ends: CUDA calls them sticky.  Others, such as a
# wrong argument or a lack of memory, concern one call.
_LOST = (
    "illegal memory access", "device-side assert", "unspecified launch failure", "launch timed out",
    "illegal instruction", "misaligned address", "invalid program counter", "hardware stack error",
    "operation not supported on global/shared address space", "uncorrectable ecc error", "cuda error: unknown error",
    "hip error: unknown error", "device_lost", "device lost",
)  # fmt: skip


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a device ran out of memory: torch has an error class for GPUs, but not for every allocator."""
    return type(error).__name__ == "OutOfMemoryError" or any(text in str(error) for text in _NO_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Return whether a device has failed for the rest of this process, so that only a new one can use it again."""
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(text in message for text in _LOST)


def is_ending(error: BaseException) -> bool:
    """Return whether an exception asks the process to end; a panic in Rust does not, though it is no `Exception`."""
    return isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit))


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, without a full stop."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(". ")
