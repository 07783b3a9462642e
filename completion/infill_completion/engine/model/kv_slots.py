"""The KV caches of the most recent prompts, so that a new prompt computes only what differs from the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infill_completion.engine.model.kv_cache import KVCache, KVShape

_RUN_TOKENS = (256, 16, 1)  # compared at once, for as long as they agree


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens ``left`` and ``right`` share from the start."""
    length, at = min(len(left), len(right)), 0
    for size in _RUN_TOKENS:
        while at + size <= length and left[at : at + size] == right[at : at + size]:
            at += size
    return at


@dataclass(eq=False)
class Slot:
    """A cache, and the tokens whose keys and values it holds.

    Attributes:
        cache: The cache.
        ids: The valid tokens.
        used: Time of the last use, in requests.
        busy: Whether a request is running on it.
    """

    cache: KVCache
    ids: list[int] = field(default_factory=list)
    used: int = 0
    busy: bool = False


class Slots:
    """The caches of the most recent prompts.

    Args:
        shape: Type of the caches.
        capacity: Tokens of each slot.
        count: Most slots to keep.  They are allocated when first needed, and an extra one when all are busy.
    """

    def __init__(self, shape: KVShape, capacity: int, count: int) -> None:
        self.shape, self.capacity, self.count = shape, capacity, count
        self._slots: list[Slot] = []
        self._clock = 0

    def acquire(self, ids: Sequence[int]) -> tuple[Slot, int]:
        """Return a slot for a prompt, and the number of the prompt's tokens that it already holds.

        The slot's ``ids`` are cut to that number.  At least the last token of the prompt remains to be computed,
        because its logits are needed.  If a slot would lose more than half of its tokens, it stays with its own
        document and the shared tokens are copied, provided that another slot is free or older; the same applies to a
        slot on which another request is running.  The returned slot is busy until :meth:`release`.
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
        """Give a slot back; its tokens are kept for the next prompt."""
        slot.busy = False
        free = [slot for slot in self._slots if not slot.busy]
        if free and len(self._slots) > self.count:
            self._slots.remove(min(free, key=lambda slot: slot.used))

    def forget(self) -> None:
        """Forget the tokens of all slots, and keep their caches."""
        for slot in self._slots:
            slot.ids = []

    def clear(self) -> None:
        """Free all slots."""
        self._slots.clear()

    @property
    def held(self) -> Sequence[Slot]:
        """All slots."""
        return self._slots

    @property
    def bytes(self) -> int:
        """Bytes allocated now."""
        return sum(slot.cache.bytes for slot in self._slots)

    def _spare(self) -> Slot:
        free = [slot for slot in self._slots if not slot.busy]
        if len(self._slots) < self.count or not free:
            self._slots.append(Slot(KVCache(self.shape, self.capacity)))
            return self._slots[-1]
        return min(free, key=lambda slot: slot.used)
