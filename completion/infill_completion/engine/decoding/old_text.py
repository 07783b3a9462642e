"""Drafts of lines that are rewritten: most of them stay as they are, so what they are is what will be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# The longest match that decides where the old text goes on.
_MOST_MATCHED = 8
# How many tokens ahead it is looked for, and how many tokens must agree anywhere but at the start of a line.
_MOST_AHEAD = 400
_LEAST_MATCHED = 2
# So many tokens more show that it is the right place.
_LEAST_CONFIRMED = 3
# So many tokens are drafted where it is not known yet that the old text goes on; then ever more.
_FIRST_DRAFT = 3


class OldText:
    """Follows a rewrite through the old text, and drafts what comes next in it.

    Where the two part, the old text is found again after two tokens that agree with a later place in it, or at the end
    of the changed line.

    Args:
        ids: The tokens of the answer that would change nothing.
        ends_line: Whether a token ends a line.
    """

    def __init__(self, ids: Sequence[int], ends_line: Callable[[int], bool]) -> None:
        self._ids, self._ends_line = list(ids), ends_line
        self._at: int | None = 0  # where the old text goes on; None where that is not known
        self._reached = 0  # where it parted from the new one; what seems to go on later may be a chance likeness
        self._agreed = _MOST_MATCHED  # how many tokens have agreed since
        self._tail: list[int] = []

    def draft(self, count: int) -> list[int]:
        """Return up to ``count`` tokens of the old text that may come next."""
        if self._at is None:
            return []
        return self._ids[self._at : self._at + min(count, max(_FIRST_DRAFT, 2 * self._agreed))]

    def append(self, id_: int) -> None:
        """Follow the next token of the new text."""
        self._tail = [*self._tail[1 - _MOST_MATCHED :], id_]
        if self._at is not None and self._ids[self._at : self._at + 1] == [id_]:
            self._at += 1
            self._agreed += 1
            return
        if self._at is not None and self._agreed >= _LEAST_CONFIRMED:
            self._reached = self._at
        self._agreed = 0
        self._at = self._found(id_)

    def _found(self, id_: int) -> int | None:
        """Return where the old text goes on after the last tokens of the new one."""
        best, place = _LEAST_MATCHED - 1, None
        for at in range(self._reached, min(self._reached + _MOST_AHEAD, len(self._ids))):
            if self._ids[at] == id_ and (matched := self._matched(at)) > best:
                best, place = matched, at + 1
        if place is None and self._ends_line(id_):
            ends = (at + 1 for at in range(self._reached, len(self._ids)) if self._ends_line(self._ids[at]))
            return next(ends, None)
        return place

    def _matched(self, at: int) -> int:
        """Return how many of the last tokens agree with those up to ``at``."""
        most = min(len(self._tail), at + 1)
        return next((count for count in range(most) if self._ids[at - count] != self._tail[-1 - count]), most)
