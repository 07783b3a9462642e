"""The KV cache: allocated once, written in place.

To roll it back is to forget a length: the caller counts the valid tokens, and whatever follows them is overwritten.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from infill_completion.engine.model import huge_pages

_SCALE = torch.float32
_LARGEST, _SMALLEST = 127, 1e-30  # as in attention.c


class KVShape(NamedTuple):
    """Type of a cache.

    A token takes ``layers * 2 * heads`` rows of ``head_dim`` numbers of ``dtype``, each with a scale if these are int8.

    Attributes:
        devices: The device of each layer.
        heads: Number of key-value heads.
        head_dim: Numbers of a row.
        dtype: Type of the numbers.
    """

    devices: tuple[torch.device, ...]
    heads: int
    head_dim: int
    dtype: torch.dtype

    @property
    def is_rounded(self) -> bool:
        """Whether keys and values are 8-bit integers; see :class:`KVRows`."""
        return self.dtype is torch.int8

    @property
    def bytes_per_token(self) -> int:
        """Bytes of the keys and values of one token in all layers."""
        row = self.head_dim * self.dtype.itemsize + (_SCALE.itemsize if self.is_rounded else 0)
        return len(self.devices) * 2 * self.heads * row


class KVRows(NamedTuple):
    """The keys or the values of a layer.

    Attributes:
        numbers: ``(batch, heads, capacity, head_dim)``.
        scale: The value of the number 1 in each row, ``(batch, heads, capacity)``, if the numbers are int8; else None.
    """

    numbers: Tensor
    scale: Tensor | None

    def write(self, rows: Tensor, start: int) -> None:
        """Write ``(batch, heads, length, head_dim)`` from token ``start`` on."""
        end = start + rows.shape[2]
        if self.scale is not None:
            # In 16 bits the scale would be rounded, and the largest number might no longer fit.
            rows, scale = rows.float(), self.scale[:, :, start:end]
            torch.div(rows.abs().amax(-1).clamp_min_(_SMALLEST), _LARGEST, out=scale)
            rows = (rows / scale.unsqueeze(-1)).round_()
        self.numbers[:, :, start:end] = rows

    def read(self, end: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the first ``end`` tokens, ``(batch, heads, end, head_dim)``: a view, or if rounded, ``dtype``."""
        numbers = self.numbers[:, :, :end]
        if self.scale is None:
            return numbers
        return numbers.float().mul_(self.scale[:, :, :end].unsqueeze(-1)).to(dtype)

    def copy_from(self, other: KVRows, length: int) -> None:
        """Copy the first ``length`` tokens of ``other``, which has the same batch size."""
        self.numbers[:, :, :length].copy_(other.numbers[:, :, :length])
        if self.scale is not None and other.scale is not None:
            self.scale[:, :, :length].copy_(other.scale[:, :, :length])


class KVCache:
    """Keys and values of ``batch`` sequences of up to ``capacity`` tokens, two :class:`KVRows` per layer."""

    def __init__(self, shape: KVShape, capacity: int, batch: int = 1) -> None:
        size = (batch, shape.heads, capacity, shape.head_dim)
        self.shape, self.capacity, self.batch = shape, capacity, batch
        # Zeros, not empty: masked tokens must hold numbers, because 0 * NaN is NaN.
        if all(device.type == "cpu" for device in shape.devices):
            # One block, as in huge_pages.py, but no huge pages: the first prompt of each slot would wait for them, and
            # the part after the longest text would take memory.
            numbers = list(huge_pages.untouched((len(shape.devices), 2, *size), shape.dtype))
        else:
            numbers = [torch.zeros((2, *size), dtype=shape.dtype, device=device) for device in shape.devices]
        scales: list[Any] = [(None, None)] * len(numbers)
        if shape.is_rounded:
            scales = [torch.zeros((2, *size[:-1]), dtype=_SCALE, device=layer.device) for layer in numbers]
        self.keys = [KVRows(layer[0], scale[0]) for layer, scale in zip(numbers, scales, strict=True)]
        self.values = [KVRows(layer[1], scale[1]) for layer, scale in zip(numbers, scales, strict=True)]

    @property
    def bytes(self) -> int:
        """Bytes allocated."""
        return self.shape.bytes_per_token * self.capacity * self.batch

    def copy_from(self, other: KVCache, length: int) -> None:
        """Copy the first ``length`` tokens of another cache of the same batch size."""
        for mine, theirs in zip([*self.keys, *self.values], [*other.keys, *other.values], strict=True):
            mine.copy_from(theirs, length)

    def write(self, layer: int, keys: Tensor, values: Tensor, start: int) -> None:
        """Write ``(batch, heads, length, head_dim)`` from token ``start`` on."""
        self.keys[layer].write(keys, start)
        self.values[layer].write(values, start)

    def read(self, layer: int, end: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Return the keys and values of the first ``end`` tokens, ``(batch, heads, end, head_dim)``.

        Rounded ones become ``dtype``; others are views.
        """
        return self.keys[layer].read(end, dtype), self.values[layer].read(end, dtype)
