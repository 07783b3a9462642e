"""Sampling parameters."""

from __future__ import annotations

from dataclasses import dataclass

# Logits divided by a temperature below this overflow float32; the most likely token is taken instead.
MIN_TEMPERATURE = 1e-4


@dataclass(frozen=True, eq=False)
class Sampling:
    """The sampling parameters of one request.

    Two requests never compare equal, so that each keeps what was computed ahead for it.
    """

    temperature: float
    top_p: float
    seed: int
