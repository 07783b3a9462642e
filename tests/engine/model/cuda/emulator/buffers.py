"""The arguments of an emulated kernel, in memory of their own."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from torch import Tensor


class EmulationError(RuntimeError):
    """What a kernel did wrong, or a launch."""


@dataclass(frozen=True)
class Span:
    """The bytes from a tensor's first element to its last.

    Attributes:
        begin: Address of the first.
        end: Address after the last.
        offset: What the address would be modulo 16 on a device, where storages are aligned.
        names: Of the arguments that lie here.
    """

    begin: int
    end: int
    offset: int
    names: str

    @classmethod
    def of(cls, name: str, tensor: Tensor) -> Span:
        """Return where a tensor lies."""
        if tensor.device.type != "cpu":
            raise EmulationError(f"{name} is on {tensor.device}, not on the CPU")
        begin, element_bytes = tensor.data_ptr(), tensor.element_size()
        last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
        size = (last + 1) * element_bytes if tensor.numel() else 0
        dtype = str(tensor.dtype).removeprefix("torch.")
        offset = int(tensor.storage_offset()) * element_bytes % 16
        return cls(begin, begin + size, offset, f"{name}, {dtype} {tuple(tensor.shape)}")

    def meets(self, other: Span) -> bool:
        """Return whether both have a byte in common."""
        return self.begin < other.end and other.begin < self.end


class Buffers:
    """Copies of tensors that end where memory may not be touched; tensors that share memory share it here too."""

    def __init__(
        self, library: ctypes.CDLL, spans: Iterable[Span], written: Collection[Span], changing: Collection[Span]
    ) -> None:
        self._library = library
        self._copies: list[tuple[Span, int]] = []
        for span in _joined(spans):
            copy = library.new_region(
                ctypes.c_size_t(span.end - span.begin),
                ctypes.c_size_t(span.offset),
                span.names.encode(),
                ctypes.c_int(any(map(span.meets, written))),
                ctypes.c_int(any(map(span.meets, changing))),
            )
            ctypes.memmove(copy, span.begin, span.end - span.begin)
            self._copies.append((span, copy))

    def passed(self, argument: Tensor | int | float) -> ctypes.c_void_p | ctypes.c_int32 | ctypes.c_float:
        """Return an argument as C passes it."""
        if isinstance(argument, float):
            return ctypes.c_float(argument)
        if isinstance(argument, int):
            return ctypes.c_int32(argument)
        address = argument.data_ptr()
        return next(
            ctypes.c_void_p(copy + address - span.begin)
            for span, copy in self._copies
            if span.begin <= address < max(span.end, span.begin + 1)
        )

    def close(self) -> str:
        """Copy everything back; return which arguments have changed bytes right beside them."""
        spoiled: list[str] = []
        for span, copy in self._copies:
            ctypes.memmove(span.begin, copy, span.end - span.begin)
            if self._library.end_region(ctypes.c_void_p(copy)):
                spoiled.append(span.names)
        return "; ".join(spoiled)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans without common bytes."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.begin, -span.end)):
        last = joined[-1] if joined else None
        if last is None or (span.begin >= last.end and span.begin != last.begin):
            joined.append(span)
        else:
            joined[-1] = Span(last.begin, max(last.end, span.end), last.offset, f"{last.names} / {span.names}")
    return joined
