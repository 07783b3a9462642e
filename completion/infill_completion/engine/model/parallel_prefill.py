"""Parallel prefill: a long prompt in parts on several threads, each part following the previous one through the layers.

A small model gains nothing from threads within a matrix product: each thread waits for the slowest at every product,
and next to a busy neighbour that costs more than it saves.  A part of the prompt needs only the keys and values that
the earlier parts have in the same layer, and these are nearly always ready; so the threads hardly ever wait.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import Protocol

import torch
from torch import Tensor

from infill_completion.engine.model.kv_cache import KVCache

_MIN_PART_TOKENS = 32  # with fewer rows the products do not fill a core


class Forward(Protocol):
    """A forward pass over some tokens, ``(1, length)``, that several threads may call at the same time."""

    def __call__(
        self, ids: Tensor, cache: KVCache, start: int, *, on_write: Callable[[int], None] | None = None,
        needs_logits: bool = True,
    ) -> Tensor:  # fmt: skip
        """Run tokens as :meth:`infill_completion.engine.model.forward.ForwardPass.forward` does."""


class ParallelPrefill:
    """Splits prompts between threads.

    Args:
        threads: Parts that are read at the same time; 1 reads each prompt in one piece.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads - 1, "prefill") if threads > 1 else None

    def run(self, forward: Forward, ids: Tensor, cache: KVCache, start: int, *, needs_logits: bool = True) -> Tensor:
        """Return what ``forward`` returns for all of ``ids``, ``(1, length)``; one call at a time."""
        count = max(1, min(self._threads, ids.shape[1] // _MIN_PART_TOKENS))
        if self._pool is None or count == 1:
            return forward(ids, cache, start, needs_logits=needs_logits)
        parts = torch.split(ids, -(-ids.shape[1] // count), 1)
        starts = [start + number * parts[0].shape[1] for number in range(len(parts))]
        written = [[Event() for _ in cache.keys] for _ in parts]  # by part and layer

        def read(number: int) -> Tensor:
            def on_write(layer: int) -> None:
                if number:
                    written[number - 1][layer].wait()
                written[number][layer].set()

            try:
                is_last = number == len(parts) - 1
                return forward(
                    parts[number], cache, starts[number], on_write=on_write, needs_logits=needs_logits and is_last
                )
            finally:
                for event in written[number]:  # otherwise a part that failed would block the next one for ever
                    event.set()

        others = [self._pool.submit(read, number) for number in range(len(parts) - 1)]
        try:
            logits = read(len(parts) - 1)
        finally:
            wait(others)
        for other in others:
            other.result()
        return logits

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
