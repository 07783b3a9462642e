"""Decides by the show-model whether a suggestion is worth showing unasked.

Shown, it saves its characters if it is right, and costs attention if it is not. So a short one must be likelier than a
long one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from infill_completion.document.view import View
from infill_completion.suggest.showing.features import features_of
from infill_completion.suggest.showing.show_model import ShowModel

# What a wrong suggestion costs a user who pauses, of what it costs one who types.
PAUSED_COST = 0.25
# What has begun is given up if it would not be worth showing after so many more tokens without any doubt. Of tokens of
# code, each has about so many characters.
_CERTAIN_TOKENS, _CHARACTERS_PER_TOKEN = 8, 3


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
class Begun:
    """The beginning of a suggestion.

    Attributes:
        characters: How long it is.
        tokens: The same in tokens.
        logprob_sum: The sum of their log-probabilities (nats).
    """

    characters: int
    tokens: int
    logprob_sum: float


@dataclass(frozen=True)
class ShowJudge:
    """The show-model, and what a wrong suggestion costs.

    It judges one line at the end of a line, which is what it was fitted to. All else is left to the confidence.

    Attributes:
        model: The show-model.
        cost_characters: How many typed characters a wrong suggestion is as bad as; 0 shows everything.
        least_likelihood: How likely all of a suggestion must be right for it to grow by a line.
    """

    model: ShowModel
    cost_characters: float
    least_likelihood: float = 1.0

    def estimate(self, view: View, text: str, confidence: float | None) -> ShowEstimate | None:
        """Return what the model thinks of a suggestion; None if it does not judge it."""
        if confidence is None or view.window.rest.strip() or "\n" in text.strip():
            return None
        features = features_of(view, text, confidence)
        shipped = replace(self.model, slope=1.0, shift=0.0)
        return ShowEstimate(shipped.probability(features), self.model.probability(features), len(text))

    def likelihood(self, view: View, text: str, confidence: float | None) -> float:
        """Return how likely all lines of ``text`` are right; 0 if nothing is known of that.

        The model judges each of them as the one line that it was fitted to.
        """
        lines = [line.strip() if number else line for number, line in enumerate(text.split("\n"))]
        written = [line for line in lines if line.strip()]
        if confidence is None and written:
            return 0.0
        return math.prod(self.model.probability(features_of(view, line, confidence or 0.0)) for line in written)

    def admits_at_pause(self, estimate: ShowEstimate | None) -> bool:
        """Return whether a suggestion may be shown unasked to a user who pauses, whom a wrong one disturbs less."""
        return estimate is not None and estimate.gain_characters(PAUSED_COST * self.cost_characters) >= 0

    def may_admit(self, view: View, begun: Begun) -> bool:
        """Return whether a suggestion that has begun so may still be worth showing unasked."""
        confidence = math.exp(begun.logprob_sum / (begun.tokens + _CERTAIN_TOKENS))
        lengths = (begun.characters, begun.characters + _CERTAIN_TOKENS * _CHARACTERS_PER_TOKEN)
        return any(self.admits(self.estimate(view, "x" * length, confidence)) for length in lengths)

    def admits(self, estimate: ShowEstimate | None) -> bool:
        """Return whether a suggestion may be shown unasked."""
        return estimate is None or estimate.gain_characters(self.cost_characters) >= 0
