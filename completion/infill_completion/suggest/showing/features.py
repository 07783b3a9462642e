"""What the show-model looks at: how sure the model was, how much it wrote, and where."""

from __future__ import annotations

import math
from typing import NamedTuple

from infill_completion.document.view import View

# Probabilities are kept away from 0 and 1, whose logits are infinite.
_LEAST = 1e-4


class ShowFeatures(NamedTuple):
    """The features of one suggestion; the order is that of the weights.

    Attributes:
        confidence: The logit of the mean probability of a token.
        length: The logarithm of the number of characters.
        in_word: Whether the cursor is at the end of a word, so that the suggestion may end it.
        on_blank: Whether there is nothing before the cursor on its line.
    """

    confidence: float
    length: float
    in_word: float
    on_blank: float


def features_of(view: View, text: str, confidence: float) -> ShowFeatures:
    """Return the features of a suggestion.

    Args:
        view: The cursor.
        text: What would be inserted there.
        confidence: The mean probability of a token.
    """
    before = view.window.before
    return ShowFeatures(
        confidence=logit(confidence),
        length=math.log(max(len(text), 1)),
        in_word=float(before[-1:].isalnum() or before[-1:] == "_"),
        on_blank=float(not before.strip()),
    )


def logit(probability: float) -> float:
    """Return the logit of a probability, which is kept away from 0 and 1."""
    probability = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(probability / (1 - probability))
