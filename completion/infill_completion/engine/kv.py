"""The KV cache: allocated once, written in place, rolled back by forgetting a length.

A few slots keep the prompts of the last documents, so that a new prompt prefills only what differs from the best one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor


class KVShape(NamedTuple):
    """What one token costs: ``layers * 2 * heads * width`` numbers of ``dtype``."""

    devices: tuple[torch.device, ...]  # one a layer
    heads: int
    width: int
    dtype: torch.dtype

    @property
    def bytes_per_token(self) -> int:
        """Bytes of keys and values of one token in all layers."""
        return len(self.devices) * 2 * self.heads * self.width * self.dtype.itemsize


class KVCache:
    """Keys and values of ``batch`` sequences, one pair of ``(batch, heads, capacity, width)`` tensors a layer."""

    def __init__(self, shape: KVShape, capacity: int, batch: int = 1) -> None:
        size = (batch, shape.heads, capacity, shape.width)
        self.shape, self.capacity, self.batch = shape, capacity, batch
        # Zeros, not empty: masked places must hold numbers, because 0 * NaN is NaN.
        if all(device.type == "cpu" for device in shape.devices):
            # In one piece, as in pages.py, but not in huge pages: the first prompt of each slot would wait for them.
            block = torch.zeros((len(shape.devices), 2, *size), dtype=shape.dtype)
            self.keys, self.values = list(block[:, 0]), list(block[:, 1])
        else:
            self.keys = [torch.zeros(size, dtype=shape.dtype, device=device) for device in shape.devices]
            self.values = [torch.zeros(size, dtype=shape.dtype, device=device) for device in shape.devices]

    @property
    def bytes(self) -> int:
        """Bytes held."""
        return self.shape.bytes_per_token * self.capacity * self.batch

    def copy_from(self, other: KVCache, length: int) -> None:
        """Take the first ``length`` tokens of another cache of the same batch."""
        for mine, theirs in zip([*self.keys, *self.values], [*other.keys, *other.values], strict=True):
            mine[:, :, :length].copy_(theirs[:, :, :length])

    def write(self, layer: int, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Write ``(batch, heads, length, width)`` at ``start`` and return all up to the end of it, without a copy."""
        end = start + keys.shape[2]
        self.keys[layer][:, :, start:end] = keys
        self.values[layer][:, :, start:end] = values
        return self.keys[layer][:, :, :end], self.values[layer][:, :, :end]


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens ``left`` and ``right`` share from the start."""
    length = min(len(left), len(right))
    if left[:length] == right[:length]:
        return length
    low, high = 0, length  # left[:low] agrees, left[:high] does not
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


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
        best = max(self._slots, key=lambda slot: common_prefix(slot.ids, wanted), default=None)
        shared = common_prefix(best.ids, wanted) if best else 0
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
