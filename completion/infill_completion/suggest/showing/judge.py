"""Decides by the show-model whether a suggestion is worth showing unasked.

Shown, it saves its characters if it is right, and costs attention if it is not. So a short one must be likelier than a
long one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from infill_completion.document.view import View
from infill_completion.suggest.showing.features import features_of
from infill_completion.suggest.showing.show_model import ShowModel


@dataclass(frozen=True)
class ShowEstimate:
    """What the show-model thinks of a suggestion.

    Attributes:
        shipped: The probability that it is right, by the model as it ships.
        probability: The same, as recalibrated on this machine.
        length: How many characters it saves if it is right.
    """

    shipped: float
    probability: float
    length: int

    def gain_characters(self, cost_characters: float) -> float:
        """Return what showing it gains on average, if a wrong suggestion costs so many characters."""
        return self.probability * self.length - (1 - self.probability) * cost_characters


@dataclass(frozen=True)
class ShowJudge:
    """The show-model, and what a wrong suggestion costs.

    It judges one line at the end of a line, which is what it was fitted to. All else is left to the confidence.

    Attributes:
        model: The show-model.
        cost_characters: How many typed characters a wrong suggestion is as bad as; 0 shows everything.
    """

    model: ShowModel
    cost_characters: float

    def estimate(self, view: View, text: str, confidence: float | None) -> ShowEstimate | None:
        """Return what the model thinks of a suggestion; None if it does not judge it."""
        if confidence is None or view.window.rest.strip() or "\n" in text.strip():
            return None
        features = features_of(view, text, confidence)
        shipped = replace(self.model, slope=1.0, shift=0.0)
        return ShowEstimate(shipped.probability(features), self.model.probability(features), len(text))

    def admits(self, estimate: ShowEstimate | None) -> bool:
        """Return whether a suggestion may be shown unasked."""
        return estimate is None or estimate.gain_characters(self.cost_characters) >= 0
