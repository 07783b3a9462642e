"""The show-model: the probability that a suggestion is exactly what the user would write.

A logistic regression whose weights ship in ``prior.json``, with the figures of its fit (``training/showing``). On each
machine it is recalibrated by what became of earlier suggestions: a line through its logits that begins as the identity.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from infill_completion.suggest.showing.features import ShowFeatures, logit

_PRIOR = Path(__file__).with_name("prior.json")
# What was seen here counts against a prior as strong as so many suggestions.
_PRIOR_SUGGESTIONS = 50.0
_MAX_STEPS = 25
# A machine on which nothing has been taken yet must not silence everything.
_MAX_SHIFT, _LEAST_SLOPE, _MOST_SLOPE = 1.5, 0.5, 2.0


@dataclass(frozen=True)
class ShowModel:
    """A logistic regression, and its recalibration.

    Attributes:
        bias: The logit with all features 0.
        weights: The weight of each feature.
        slope: What the logit is multiplied by.
        shift: What is added to it.
    """

    bias: float
    weights: ShowFeatures
    slope: float = 1.0
    shift: float = 0.0

    @staticmethod
    def shipped() -> ShowModel:
        """Return the model that comes with the package."""
        return _shipped()

    def probability(self, features: ShowFeatures) -> float:
        """Return the probability that a suggestion with these features is right."""
        score = self.bias + sum(weight * value for weight, value in zip(self.weights, features, strict=True))
        return _sigmoid(self.shift + self.slope * score)

    def recalibrated(self, seen: Iterable[tuple[float, bool]]) -> ShowModel:
        """Return the model as it fits what became of earlier suggestions.

        Args:
            seen: For each, the probability that the shipped model gave it, and whether it was right.
        """
        pairs = [(logit(probability), float(is_right)) for probability, is_right in seen]
        shift, slope = _line(pairs)
        return replace(
            self,
            shift=min(max(shift, -_MAX_SHIFT), _MAX_SHIFT),
            slope=min(max(slope, _LEAST_SLOPE), _MOST_SLOPE),
        )


def _line(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return shift and slope of the likeliest line through logits, by Newton's method; the identity without pairs.

    The prior is that of a ridge regression: it pulls the shift to 0 and the slope to 1.
    """
    shift, slope = 0.0, 1.0
    weight = _PRIOR_SUGGESTIONS / 4  # the curvature of so many suggestions whose outcome is even
    for _ in range(_MAX_STEPS):
        gradient = [-weight * shift, -weight * (slope - 1)]
        a, b, c = weight, 0.0, weight
        for score, is_right in pairs:
            expected = _sigmoid(shift + slope * score)
            error, spread = is_right - expected, expected * (1 - expected)
            gradient[0] += error
            gradient[1] += error * score
            a, b, c = a + spread, b + spread * score, c + spread * score * score
        determinant = a * c - b * b
        steps = (c * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - b * gradient[0]) / determinant
        shift, slope = shift + steps[0], slope + steps[1]
        if max(map(abs, steps)) < 1e-6:
            break
    return shift, slope


@cache
def _shipped() -> ShowModel:
    prior = json.loads(_PRIOR.read_text("utf-8"))
    return ShowModel(prior["bias"], ShowFeatures(**prior["weights"]))


def _sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-min(max(score, -40.0), 40.0)))
