"""Sampling in C, ``sampler.c``: one call instead of a dozen torch operators."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.native.structs import Pointer


class NativeSampler:
    """Mixes an n-gram index into scores and chooses tokens; one call at a time."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._choose: Any = library.infill_choose
        self._choose.argtypes = (
            Pointer, ctypes.c_int, ctypes.c_float, ctypes.c_double, ctypes.c_double, Pointer, Pointer,
        )  # fmt: skip
        self._mix: Any = library.infill_mix
        self._mix.restype = None
        self._mix.argtypes = (
            Pointer, ctypes.c_int, ctypes.c_double, Pointer, Pointer, ctypes.c_int, Pointer, ctypes.c_int, Pointer,
            Pointer,
        )  # fmt: skip
        self._numbers, self._logprob = torch.empty(0), ctypes.c_float()
        self._logprob_at = ctypes.addressof(self._logprob)

    def mix(self, logits: Tensor, left: float, masses: Mapping[int, float], allowed: Tensor | None) -> Tensor:
        """Mix the masses of an index into a distribution; see :func:`infill_completion.engine.ngram.mixture.blend`.

        Args:
            logits: ``(vocabulary,)``, float32, contiguous, on the CPU.
            left: The weight of the model, above 0.
            masses: Probability mass that the index adds to single tokens.
            allowed: Ids that may be chosen, int64; None allows all.

        Returns:
            Log-probabilities, ``(vocabulary,)``, minus infinity for tokens that are not allowed.
        """
        size, count = logits.numel(), len(masses)
        ids, added = (ctypes.c_int64 * count)(*masses), (ctypes.c_float * count)(*masses.values())
        scores = torch.empty(size)
        self._mix(
            logits.data_ptr(), size, left, ctypes.addressof(ids), ctypes.addressof(added), count,
            None if allowed is None else allowed.data_ptr(), 0 if allowed is None else allowed.numel(),
            self._workspace(max(size, 0 if allowed is None else allowed.numel())), scores.data_ptr(),
        )  # fmt: skip
        return scores

    def choose(self, logits: Tensor, temperature: float, top_p: float, chance: float) -> tuple[int, float] | None:
        """Choose one token with temperature and top-p.

        Args:
            logits: ``(vocabulary,)``, float32, contiguous, on the CPU.
            temperature: 0 takes the most likely token.
            top_p: Probability mass of the nucleus, as in Llama's reference code.
            chance: Uniform in [0, 1); it decides which token of the nucleus.

        Returns:
            The token and its log-probability (nats) before temperature and top-p, or None if the nucleus is so large
            that torch is faster.
        """
        size = logits.numel()
        id_ = self._choose(logits.data_ptr(), size, temperature, top_p, chance, self._workspace(size), self._logprob_at)
        return None if id_ < 0 else (id_, self._logprob.value)

    def _workspace(self, size: int) -> int:
        """Return the address of memory for ``size`` float32 numbers."""
        if size > self._numbers.numel():
            self._numbers = torch.empty(size)
        return self._numbers.data_ptr()
