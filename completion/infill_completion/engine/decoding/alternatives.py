"""What the model nearly wrote instead: the likeliest other tokens of an answer."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

_PER_TOKEN = 4


class Alternative(NamedTuple):
    """Another token in the place of one of an answer's.

    Attributes:
        text_logprob: Log-probability (nats) of the text that ends with it.
        place: How many tokens of the answer precede it.
        id: The token.
        logprob: Its log-probability.
    """

    text_logprob: float
    place: int
    id: int
    logprob: float


class Alternatives:
    """Collects the other tokens while an answer is decoded.

    Args:
        least: Least log-probability of a text that ends with an alternative.
    """

    def __init__(self, least: float) -> None:
        self._least = least
        self._sum, self._place = 0.0, 0
        self._found: list[Alternative] = []

    def add(self, scores: Tensor, id_: int, logprob: float) -> None:
        """Add those in the place of the next token, ``id_``, given the scores it was chosen from, ``(vocabulary,)``."""
        if self._sum > self._least:
            likely = scores.log_softmax(-1).topk(min(_PER_TOKEN, scores.shape[-1]))
            for other, value in zip(likely.indices.tolist(), likely.values.tolist(), strict=True):
                if other != id_ and self._sum + value > self._least:
                    self._found.append(Alternative(self._sum + value, self._place, other, value))
        self._sum += logprob
        self._place += 1

    def best(self, count: int) -> list[Alternative]:
        """Return the ``count`` with the likeliest texts."""
        return sorted(self._found, reverse=True)[:count]
