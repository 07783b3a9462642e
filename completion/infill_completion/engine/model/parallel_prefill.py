"""Reads a long prompt in parts on several threads, each part following the one before it through the layers.

A small model gains nothing from threads within a product: each waits for the slowest at every one, and beside a busy
neighbour that costs more than it saves.  A part of the prompt needs nothing of the parts before it but their keys and
values of the same layer, which are nearly always there already; so the threads hardly ever wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import torch
from torch import Tensor

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache

# Read between two looks at whether anybody still waits, by one thread and by several.
CHUNK_TOKENS, SHARED_CHUNK_TOKENS = 256, 512
_LEAST_TOKENS = 32  # of a part: below, products have too few rows to fill a core


class Relay:
    """Reads prompts of one decoder; one call at a time.

    Args:
        decoder: The model.
        threads: Parts that are read at the same time; 1 reads as the decoder does.

    Attributes:
        chunk_tokens: Most tokens that one call should read.
    """

    def __init__(self, decoder: Decoder, threads: int = 1) -> None:
        self._decoder, self._threads = decoder, threads
        self.chunk_tokens = CHUNK_TOKENS if threads == 1 else SHARED_CHUNK_TOKENS
        self._pool = ThreadPoolExecutor(threads - 1, "prefill") if threads > 1 else None

    def forward(self, ids: Sequence[int], cache: KVCache, start: int) -> Tensor:
        """Run tokens as :meth:`infill_completion.engine.model.decoder.Decoder.read` does."""
        count = max(1, min(self._threads, len(ids) // _LEAST_TOKENS))
        if self._pool is None or count == 1:
            return self._decoder.read(ids, cache, start)
        self._decoder.native_step()  # decided now, not between two parts
        size = -(-len(ids) // count)
        count = -(-len(ids) // size)
        kept = [[Event() for _ in self._decoder.layers] for _ in range(count)]

        def read(number: int) -> Tensor:
            def keep(layer: int) -> None:
                if number:
                    kept[number - 1][layer].wait()
                kept[number][layer].set()

            try:
                part = torch.tensor([ids[number * size : (number + 1) * size]], device=self._decoder.device)
                return self._decoder.forward(part, cache, start + number * size, kept=keep)
            finally:
                for event in kept[number]:  # a part that failed must not let the next one wait for ever
                    event.set()

        others = [self._pool.submit(read, number) for number in range(count - 1)]
        try:
            logits = read(count - 1)
        finally:
            wait(others)
        for other in others:
            other.result()
        return logits

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
