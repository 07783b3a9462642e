"""Several candidates behind one prompt in one KV cache: each token in a place of its own, the prompt held once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Fork(NamedTuple):
    """Where the tokens of ``ways`` candidates stand that share the first ``shared`` places of a cache.

    Token ``t`` of candidate ``c`` behind the prompt stands at place ``shared + t * ways + c`` and has the position
    ``shared + t``; it sees the prompt and the tokens of its own candidate.  A single text is a fork of one way.
    """

    shared: int
    ways: int


def positions(places: Tensor, shared: Tensor | int, ways: Tensor | int) -> Tensor:
    """Return the position of each of ``places``, none of which lies within the prompt."""
    return shared + (places - shared).div(ways, rounding_mode="floor")


def visible(places: Tensor, length: int, shared: Tensor | int, ways: Tensor | int) -> Tensor:
    """Return which of the first ``length`` places of a cache each of ``places`` sees, ``(len(places), length)``."""
    others = torch.arange(length, device=places.device)
    behind = places[:, None] - others
    return (others < shared) | ((behind >= 0) & (behind % ways == 0))
