"""Whether to check a draft: only where it is likely to save time, by the measured cost of the step that checks it."""

from __future__ import annotations

# As if so many drafted tokens had been right, and so many wrong, before the first one; old ones count less and less.
_RIGHT, _WRONG = 3.0, 1.0
_FADING = 0.9


class DraftPolicy:
    """Decides about the drafts of one answer.

    The tokens of a step are computed side by side, so all of a draft is checked, or nothing.  Drafts that were not
    checked count too, by their first token, so that a text that becomes predictable is drafted again.

    Args:
        most: Most tokens of a draft.
        cost: Time of a step that checks a draft, in steps without one.

    Attributes:
        most: As given.
    """

    def __init__(self, most: int, cost: float) -> None:
        self.most, self._cost = most, cost
        self._right, self._wrong = _RIGHT, _WRONG

    def is_gain(self, draft: list[int]) -> bool:
        """Return whether checking a draft is likely to give more tokens than steps without it in the same time."""
        rate = self._right / (self._right + self._wrong)
        expected = sum(rate**length for length in range(1, len(draft) + 1))
        return bool(draft) and 1 + expected > self._cost

    def learn(self, draft: list[int], right: int) -> None:
        """Learn how many tokens from the start of a draft were right; only the one after them was wrong."""
        if not draft:
            return
        self._right = _FADING * self._right + right
        self._wrong = _FADING * self._wrong + (right < len(draft))
