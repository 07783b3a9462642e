"""The forward pass by the fastest implementation that is ready: the compiled step, parallel prefill, or plain torch."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.chunks import ChunkClock, ChunkLength
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.model.native import step as native
from infill_completion.engine.model.parallel_prefill import ParallelPrefill

# Tokens read between two checks for cancellation, by one thread and by several.
CHUNK_TOKENS, PARALLEL_CHUNK_TOKENS = 256, 512


class ForwardPass:
    """The forward pass of one model.

    Args:
        decoder: The model in plain torch.
        prefill_threads: Number of threads that read a long prompt.
        step_threads: Number of threads that share a step of the compiled code.

    Attributes:
        decoder: As given.
        threads: Number of threads that share a step.
        kv_shape: Type of the KV caches that this pass reads and writes.
    """

    def __init__(self, decoder: Decoder, prefill_threads: int = 1, step_threads: int = 1) -> None:
        self.decoder = decoder
        # The compiled step reads a quarter of the bytes for every token; torch's own attention is faster in float32.
        is_compiled = native.is_wanted() and native.suits(decoder)
        self.threads = step_threads if is_compiled else torch.get_num_threads()
        self.kv_shape = decoder.kv_shape._replace(dtype=torch.int8) if is_compiled else decoder.kv_shape
        # Torch divides its products among the same cores, so only parts of the compiled step run side by side.
        self._torch_parts = prefill_threads
        readers = max(prefill_threads, step_threads) if is_compiled else prefill_threads
        self._chunk_tokens = CHUNK_TOKENS if readers == 1 else PARALLEL_CHUNK_TOKENS * max(1, min(readers, 4) // 2)
        self._chunk_length = ChunkLength() if decoder.device.type == "cuda" else None
        self._clock = None if self._chunk_length is None else ChunkClock(self._chunk_length, decoder.device)
        self._parallel = ParallelPrefill(readers)
        self._build: native_build.Build | None = None
        self._is_decided = False
        self._step: native.NativeStep | None = None

    @property
    def chunk_tokens(self) -> int:
        """Most tokens that one call of :meth:`prefill` should read."""
        return self._chunk_tokens if self._chunk_length is None else self._chunk_length.tokens

    @property
    def takes_drafts(self) -> bool:
        """Whether several tokens in one call choose exactly those of single calls.

        The compiled step computes the same bits, and in float32 no two likely tokens are as close as the rounding.
        With fewer bits torch's products differ so much that other tokens win.
        """
        return self.decoder.device.type == "cuda" or self.decoder.is_float32 or self.native_step() is not None

    def wait(self) -> None:
        """Wait until the last chunk of a prompt is read, so that a request withdrawn meanwhile needs no other one."""
        if self._clock is not None:
            self._clock.wait()

    @property
    def library(self) -> ctypes.CDLL | None:
        """The library of the compiled step, or None where there is none (yet)."""
        step = self.native_step()
        return None if step is None else step.library

    def native_step(self) -> native.NativeStep | None:
        """Return the compiled step, or None where there is none (yet).

        See :mod:`infill_completion.engine.model.native.build`.
        """
        if not self._is_decided:
            if self._build is None:
                self._is_decided = not (self.kv_shape.is_rounded and native.suits(self.decoder))
                self._build = None if self._is_decided else native_build.shared()
            if self._build is not None and not self._build.pending:
                self._is_decided = True
                library = self._build.library
                self._step = None if library is None else native.checked(library, self.decoder, self.threads)
        return self._step

    def forward(
        self, ids: Tensor, cache: KVCache, start: int, *, all_logits: bool = False, fork: Fork | None = None,
        on_write: Callable[[int], None] | None = None, needs_logits: bool = True,
    ) -> Tensor:  # fmt: skip
        """Run tokens; arguments and result as in :meth:`infill_completion.engine.model.decoder.Decoder.forward`.

        With ``on_write`` several threads may call it at the same time.  Without ``needs_logits`` it may return nothing.
        """
        # Parallel prefill has decided before, so that all parts are computed alike.
        step = self.native_step() if on_write is None else self._step
        if step is not None and (step.prefills or ids.numel() <= native.MAX_ROWS):
            return step(
                ids, cache, start, all_logits=all_logits, fork=fork, on_write=on_write, needs_logits=needs_logits
            )
        return self.decoder.forward(ids, cache, start, all_logits=all_logits, fork=fork, on_write=on_write)

    def scores(self, ids: Sequence[int], cache: KVCache, start: int, fork: Fork | None = None) -> Sequence[Tensor]:
        """Return the logits after each of ``ids`` as :meth:`forward` does, ``(vocabulary,)`` each.

        The next call with this cache may overwrite them.
        """
        if len(ids) <= native.MAX_ROWS and (step := self.native_step()) is not None:
            return step.scores(ids, cache, start, fork)
        fed = torch.tensor([ids], device=self.decoder.device)
        return self.forward(fed, cache, start, all_logits=True, fork=fork)[0].unbind()

    def prefill(self, ids: Sequence[int], cache: KVCache, start: int, *, is_last: bool = True) -> Tensor:
        """Run tokens as :meth:`forward` does and return the logits after the last one, ``(1, vocabulary)``.

        One call at a time; the next call with this cache may overwrite the logits.  Unless it ``is_last`` of the chunks
        of a prompt, they may be empty: a large vocabulary takes as long as ten tokens.
        """
        step = self.native_step()
        if len(ids) <= native.MAX_ROWS and step is not None:
            return step.last_scores(ids, cache, start)
        fed = torch.tensor([ids], device=self.decoder.device)
        if self._clock is None:
            if self._torch_parts == 1 and (step is None or not step.prefills):
                return self.forward(fed, cache, start)
            return self._parallel.run(self.forward, fed, cache, start, needs_logits=is_last)
        self._clock.begin()
        logits = self.forward(fed, cache, start)
        self._clock.end(len(ids))
        return logits

    def use_threads(self, threads: int) -> None:
        """Use another number of threads for steps and prompts from now on, for measurements."""
        self.close()
        self.threads, self._parallel = threads, ParallelPrefill(threads)
        if self._step is not None:
            self._step.threads = threads

    def close(self) -> None:
        """End the threads."""
        self._parallel.close()
        if self._step is not None:
            self._step.close()
