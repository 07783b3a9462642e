"""The compiled choice of a token, ``choice.c``: a call for what is a dozen operators of torch."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.model.native.structs import Pointer


class NativeChoice:
    """Mixes what an index says into scores and chooses; one call at a time."""

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
            masses: What single tokens get besides.
            allowed: Ids that may be chosen, int64; None allows all.

        Returns:
            Log-probabilities of the shape of ``logits``, minus infinity for what is not allowed.
        """
        size, count = logits.numel(), len(masses)
        ids, added = (ctypes.c_int64 * count)(*masses), (ctypes.c_float * count)(*masses.values())
        scores = torch.empty(size)
        self._mix(
            logits.data_ptr(), size, left, ctypes.addressof(ids), ctypes.addressof(added), count,
            None if allowed is None else allowed.data_ptr(), 0 if allowed is None else allowed.numel(),
            self._room(max(size, 0 if allowed is None else allowed.numel())), scores.data_ptr(),
        )  # fmt: skip
        return scores

    def choose(self, logits: Tensor, temperature: float, top_p: float, chance: float) -> tuple[int, float] | None:
        """Choose one token as :func:`infill_completion.engine.decoding.sampler.choose` does.

        Args:
            logits: ``(vocabulary,)``, float32, contiguous, on the CPU.
            temperature: 0 takes the likeliest.
            top_p: See :func:`infill_completion.engine.decoding.sampler.sample_top_p`.
            chance: Evenly drawn from 0 to 1.

        Returns:
            The token and its log-probability (nats), or None where the nucleus is too large to be worth it.
        """
        size = logits.numel()
        id_ = self._choose(logits.data_ptr(), size, temperature, top_p, chance, self._room(size), self._logprob_at)
        return None if id_ < 0 else (id_, self._logprob.value)

    def _room(self, size: int) -> int:
        """Return the address of room for so many numbers."""
        if size > self._numbers.numel():
            self._numbers = torch.empty(size)
        return self._numbers.data_ptr()
