"""The noise that a device samples with, drawn from the seed of a request and the position of a token alone.

So a token does not depend on how it came to be computed: in a step of its own, after one of several drafts that are
checked at once, again because another request ran in between, or on the host because a word is being spelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

_SEED_STRIDE = 1_000_003  # longer than any context, so that no two seeds share the noise of a position


class Draw(NamedTuple):
    """What the noise of one choice depends on.

    Attributes:
        seed: The seed of the request, plus the number of the candidate.
        position: Position of the token before the one to choose.
    """

    seed: int
    position: int


class Noise:
    """Samples of the exponential distribution in a tensor that stays where it is.

    Args:
        rows: Most tokens that are chosen at once.
        vocabulary: Samples of a row.
        device: Where they are.

    Attributes:
        samples: ``(rows, vocabulary)``, float32, above 0.
    """

    def __init__(self, rows: int, vocabulary: int, device: torch.device) -> None:
        self.samples = torch.ones(rows, vocabulary, device=device)
        self._rows = list(self.samples)
        self._random = torch.Generator(device=device)

    def draw(self, draws: Sequence[Draw]) -> None:
        """Draw the first rows anew, one for each of ``draws``; the others stay as they are."""
        for row, (seed, position) in zip(self._rows, draws, strict=False):
            self._random.manual_seed((seed * _SEED_STRIDE + position) % 2**63)
            row.exponential_(generator=self._random)
        self.samples[: len(draws)].clamp_min_(torch.finfo(torch.float32).tiny)
