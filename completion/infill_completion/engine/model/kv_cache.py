"""The KV cache: allocated once, written in place, rolled back by forgetting a length.

A few slots keep the prompts of the last documents, so that a new prompt prefills only what differs from the best one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

_SCALE = torch.float32
_LARGEST, _SMALLEST = 127, 1e-30  # as in attend.c


class KVShape(NamedTuple):
    """What a token costs: ``layers * 2 * heads`` rows of ``width`` numbers of ``dtype``, each with a scale if int8."""

    devices: tuple[torch.device, ...]  # one a layer
    heads: int
    width: int
    dtype: torch.dtype

    @property
    def is_rounded(self) -> bool:
        """Whether keys and values are kept as 8-bit integers; see :class:`Kept`."""
        return self.dtype is torch.int8

    @property
    def bytes_per_token(self) -> int:
        """Bytes of keys and values of one token in all layers."""
        row = self.width * self.dtype.itemsize + (_SCALE.itemsize if self.is_rounded else 0)
        return len(self.devices) * 2 * self.heads * row


class Kept(NamedTuple):
    """The keys or the values of a layer.

    Attributes:
        numbers: ``(batch, heads, capacity, width)``.
        scale: What the number 1 of a row stands for, ``(batch, heads, capacity)``, where numbers are int8; else None.
    """

    numbers: Tensor
    scale: Tensor | None

    def write(self, rows: Tensor, start: int) -> None:
        """Keep ``(batch, heads, length, width)`` from the place ``start`` on."""
        end = start + rows.shape[2]
        if self.scale is not None:
            scale = self.scale[:, :, start:end]
            torch.div(rows.abs().amax(-1).clamp_min_(_SMALLEST), _LARGEST, out=scale)
            rows = (rows / scale.unsqueeze(-1)).round_()
        self.numbers[:, :, start:end] = rows

    def read(self, end: int) -> Tensor:
        """Return the first ``end`` places, ``(batch, heads, end, width)``: without a copy, or as float32 if rounded."""
        numbers = self.numbers[:, :, :end]
        return numbers if self.scale is None else numbers.float().mul_(self.scale[:, :, :end].unsqueeze(-1))

    def copy_from(self, other: Kept, length: int) -> None:
        """Take the first ``length`` places of another one of the same batch."""
        self.numbers[:, :, :length].copy_(other.numbers[:, :, :length])
        if self.scale is not None and other.scale is not None:
            self.scale[:, :, :length].copy_(other.scale[:, :, :length])


class KVCache:
    """Keys and values of ``batch`` sequences, one pair of :class:`Kept` a layer."""

    def __init__(self, shape: KVShape, capacity: int, batch: int = 1) -> None:
        size = (batch, shape.heads, capacity, shape.width)
        self.shape, self.capacity, self.batch = shape, capacity, batch
        # Zeros, not empty: masked places must hold numbers, because 0 * NaN is NaN.
        if all(device.type == "cpu" for device in shape.devices):
            # In one piece, as in pages.py, but not in huge pages: the first prompt of each slot would wait for them.
            numbers = list(torch.zeros((len(shape.devices), 2, *size), dtype=shape.dtype))
        else:
            numbers = [torch.zeros((2, *size), dtype=shape.dtype, device=device) for device in shape.devices]
        scales: list[Any] = [(None, None)] * len(numbers)
        if shape.is_rounded:
            scales = [torch.zeros((2, *size[:-1]), dtype=_SCALE, device=layer.device) for layer in numbers]
        self.keys = [Kept(layer[0], scale[0]) for layer, scale in zip(numbers, scales, strict=True)]
        self.values = [Kept(layer[1], scale[1]) for layer, scale in zip(numbers, scales, strict=True)]

    @property
    def bytes(self) -> int:
        """Bytes held."""
        return self.shape.bytes_per_token * self.capacity * self.batch

    def copy_from(self, other: KVCache, length: int) -> None:
        """Take the first ``length`` tokens of another cache of the same batch."""
        for mine, theirs in zip([*self.keys, *self.values], [*other.keys, *other.values], strict=True):
            mine.copy_from(theirs, length)

    def write(self, layer: int, keys: Tensor, values: Tensor, start: int) -> None:
        """Write ``(batch, heads, length, width)`` at ``start``."""
        self.keys[layer].write(keys, start)
        self.values[layer].write(values, start)

    def read(self, layer: int, end: int) -> tuple[Tensor, Tensor]:
        """Return the keys and values of the first ``end`` tokens, ``(batch, heads, end, width)``."""
        return self.keys[layer].read(end), self.values[layer].read(end)


_AT_ONCE = (256, 16, 1)  # tokens that are compared in one go, as long as they agree


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens ``left`` and ``right`` share from the start."""
    length, at = min(len(left), len(right)), 0
    for size in _AT_ONCE:
        while at + size <= length and left[at : at + size] == right[at : at + size]:
            at += size
    return at


@dataclass(eq=False)
class Slot:
    """A cache and the tokens whose keys and values it holds; ``busy`` while a request runs on it."""

    cache: KVCache
    ids: list[int] = field(default_factory=list)
    used: int = 0
    busy: bool = False


class Slots:
    """The caches of the last prompts.

    Args:
        shape: What one token costs.
        capacity: Tokens of each slot.
        count: Most slots that are kept; they are allocated when first needed, and one more where all are busy.
    """

    def __init__(self, shape: KVShape, capacity: int, count: int) -> None:
        self.shape, self.capacity, self.count = shape, capacity, count
        self._slots: list[Slot] = []
        self._clock = 0

    def acquire(self, ids: Sequence[int]) -> tuple[Slot, int]:
        """Return a slot for a prompt, and how many tokens of the prompt it holds already.

        The slot's ``ids`` are cut to that number; at least the last token of the prompt is left to compute, since its
        logits are wanted.  A slot that would lose more than half of its tokens is kept for its own document and the
        shared part copied, as long as another slot is free or older; so is one that another request runs on.  The slot
        is busy until :meth:`release`.
        """
        self._clock += 1
        wanted = list(ids)
        found = [common_prefix(slot.ids, wanted) for slot in self._slots]
        shared = max(found, default=0)
        best = self._slots[found.index(shared)] if found else None
        chosen = best
        if best is None or best.busy or 2 * shared < min(len(best.ids), len(wanted)):
            chosen = self._spare()
            if best is not None and chosen is not best and shared:
                chosen.cache.copy_from(best.cache, shared)
        assert chosen is not None
        cached = min(shared, len(wanted) - 1)
        chosen.ids = wanted[:cached]
        chosen.used = self._clock
        chosen.busy = True
        return chosen, cached

    def release(self, slot: Slot) -> None:
        """Give a slot back; what it holds is kept for the next prompt."""
        slot.busy = False
        free = [slot for slot in self._slots if not slot.busy]
        if free and len(self._slots) > self.count:
            self._slots.remove(min(free, key=lambda slot: slot.used))

    def clear(self) -> None:
        """Free all slots."""
        self._slots.clear()

    @property
    def bytes(self) -> int:
        """Bytes held now."""
        return sum(slot.cache.bytes for slot in self._slots)

    def _spare(self) -> Slot:
        free = [slot for slot in self._slots if not slot.busy]
        if len(self._slots) < self.count or not free:
            self._slots.append(Slot(KVCache(self.shape, self.capacity)))
            return self._slots[-1]
        return min(free, key=lambda slot: slot.used)
