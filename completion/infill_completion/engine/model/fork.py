"""Several candidates in one KV cache: their tokens are interleaved after the prompt, which is stored only once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Fork(NamedTuple):
    """How ``ways`` candidates share a cache whose first ``shared`` tokens are their prompt.

    Token ``t`` of candidate ``c`` is stored at index ``shared + t * ways + c`` of the cache and has the position
    ``shared + t``.  It sees the prompt and the tokens of its own candidate.  A single text is a fork of one way.
    """

    shared: int
    ways: int


def positions(indices: Tensor, shared: Tensor | int, ways: Tensor | int) -> Tensor:
    """Return the position of the token at each of ``indices``, all of which lie after the prompt."""
    return shared + (indices - shared).div(ways, rounding_mode="floor")


def visible(indices: Tensor, length: int, shared: Tensor | int, ways: Tensor | int) -> Tensor:
    """Return which of the first ``length`` tokens of a cache each token sees, bool, ``(len(indices), length)``."""
    others = torch.arange(length, device=indices.device)
    distance = indices[:, None] - others
    return (others < shared) | ((distance >= 0) & (distance % ways == 0))
