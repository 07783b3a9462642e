"""How much of a draft to check: what is likely to save time, by the measured cost of the step that checks it."""

from __future__ import annotations

# As if so many drafted tokens had been right, and so many wrong, before the first one; old ones count less and less.
_RIGHT, _WRONG = 3.0, 1.0
_FADING = 0.9
# Before the first measurement; the weight of each one; a pass that took longer was interrupted.
_COST_PER_TOKEN = 0.2
_NEWEST_WEIGHT = 0.1
_LONGEST_PASS = 2.0


class PassCosts:
    """The time of passes on the processor, measured while answers are decoded.

    Attributes:
        per_token: The time of each token after the first, in passes of one token.
    """

    def __init__(self) -> None:
        self.per_token = _COST_PER_TOKEN
        self._single_s: float | None = None

    def add(self, tokens: int, seconds: float) -> None:
        """Record the time of one pass."""
        if tokens == 1:
            before = self._single_s or seconds
            self._single_s = before + _NEWEST_WEIGHT * (min(seconds, _LONGEST_PASS * before) - before)
        elif self._single_s:
            cost = (seconds / self._single_s - 1) / (tokens - 1)
            self.per_token += _NEWEST_WEIGHT * (min(max(cost, 0.0), 1.0) - self.per_token)


class DraftPolicy:
    """Decides about the drafts of one answer.

    Drafts that were not checked count too, by their first token, so that a text that becomes predictable is drafted
    again.

    Args:
        most: Most tokens of a draft.
        cost: Time of a step that checks a draft, in steps without one, besides that of each token of the draft.
        per_token: The latter.

    Attributes:
        most: As given.
    """

    def __init__(self, most: int, cost: float, per_token: float = 0.0) -> None:
        self.most, self._cost, self._per_token = most, cost, per_token
        self._right, self._wrong = _RIGHT, _WRONG

    def worth(self, draft: list[int]) -> list[int]:
        """Return the part of a draft to check in one step: what gives the most tokens for the time; maybe nothing."""
        rate = self._right / (self._right + self._wrong)
        expected, best, most = 1.0, 0, 1.0
        for length in range(1, len(draft) + 1):
            expected += rate**length
            tokens = expected / (self._cost + length * self._per_token)
            if tokens > most:
                best, most = length, tokens
        return draft[:best]

    def learn(self, draft: list[int], right: int) -> None:
        """Learn how many tokens from the start of a draft were right; only the one after them was wrong."""
        if not draft:
            return
        self._right = _FADING * self._right + right
        self._wrong = _FADING * self._wrong + (right < len(draft))
