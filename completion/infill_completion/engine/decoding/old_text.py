"""Drafts of lines that are rewritten: most of them stay as they are, so what they are is what will be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

# The longest match that decides where the old text goes on.
_MOST_MATCHED = 8
# How many tokens ahead it is looked for, and how many tokens must agree anywhere but at the start of a line.
_MOST_AHEAD = 400
_LEAST_MATCHED = 2
# So many tokens more show that it is the right place.
_LEAST_CONFIRMED = 3
# So many tokens are drafted where it is not known yet that the old text goes on; then ever more.
_FIRST_DRAFT = 3
# Changes that are expected again, and their longest.
_MOST_CHANGES = 8
_MOST_CHANGED = 12


@dataclass
class _Repeat:
    """A change that has been made and may be due again.

    Attributes:
        old: The tokens before.
        new: The tokens after.
        score: How often it was due, less how often it was not.
    """

    old: list[int]
    new: list[int]
    score: int = 1


class OldText:
    """Follows a rewrite through the old text, and drafts what comes next in it, with changes that were made before.

    Where the two part, the old text is found again after two tokens that agree with a later place in it, or at the end
    of the changed line.

    Args:
        ids: The tokens of the answer that would change nothing.
        ends_line: Whether a token ends a line.
    """

    def __init__(self, ids: Sequence[int], ends_line: Callable[[int], bool]) -> None:
        self._ids, self._ends_line = list(ids), ends_line
        self._at: int | None = 0  # where the old text goes on; None where that is not known
        self._due: list[int] = []  # what is left of a change that is being made again
        self._repeat: _Repeat | None = None
        self._reached = 0  # where it parted from the new one; what seems to go on later may be a chance likeness
        self._written: list[int] = []  # what was written since; empty again once it is sure where the old one goes on
        self._agreed = _MOST_MATCHED  # how many tokens have agreed since
        self._repeats: list[_Repeat] = []

    def draft(self, count: int) -> list[int]:
        """Return up to ``count`` tokens that may come next."""
        if self._at is None:
            return []
        return list(islice(self._expected(self._at), min(count, max(_FIRST_DRAFT, 2 * self._agreed))))

    def append(self, id_: int) -> None:
        """Follow the next token of the new text."""
        if self._at is not None and self._follows(self._at, id_):
            self._agreed += 1
            is_confirmed = self._agreed >= _LEAST_CONFIRMED or not self._written
            self._written = [] if is_confirmed else [*self._written, id_]
            return
        if self._at is not None and not self._written:
            self._reached = self._at
        self._agreed = 0
        self._written.append(id_)
        self._at = self._found(id_)

    def _expected(self, at: int) -> Iterator[int]:
        """Yield what comes next if the old text goes on at ``at``, with the changes that are due again."""
        yield from self._due
        while at < len(self._ids):
            repeat = self._repeat_at(at)
            yield from repeat.new if repeat is not None else self._ids[at : at + 1]
            at += len(repeat.old) if repeat is not None else 1

    def _repeat_at(self, at: int) -> _Repeat | None:
        return next(
            (one for one in self._repeats if one.score > 0 and self._ids[at : at + len(one.old)] == one.old), None
        )

    def _follows(self, at: int, id_: int) -> bool:
        """Return whether a token is the expected one or the old one at ``at``, and go on after it."""
        if self._due:
            if self._due[0] == id_:
                del self._due[0]
                return True
            self._fail()
        repeat = self._repeat_at(at)
        if repeat is not None and repeat.new[:1] == [id_]:
            repeat.score += 1
            self._repeat, self._due, self._at = repeat, repeat.new[1:], at + len(repeat.old)
            return True
        if repeat is not None:
            repeat.score -= 1
        if self._ids[at : at + 1] == [id_]:
            self._at = at + 1
            return True
        return False

    def _fail(self) -> None:
        """Note that a change was not due after all."""
        self._due = []
        if self._repeat is not None:
            self._repeat.score -= 2

    def _found(self, id_: int) -> int | None:
        """Return where the old text goes on after the last tokens of the new one."""
        best, place = _LEAST_MATCHED - 1, None
        for at in range(self._reached, min(self._reached + _MOST_AHEAD, len(self._ids))):
            if self._ids[at] == id_ and (matched := self._matched(at)) > best:
                best, place = matched, at + 1
        if place is not None:
            self._learn(self._ids[self._reached : place - best], self._written[: len(self._written) - best])
        elif self._ends_line(id_):
            ends = (at + 1 for at in range(self._reached, len(self._ids)) if self._ends_line(self._ids[at]))
            place = next(ends, None)
        return place

    def _matched(self, at: int) -> int:
        """Return how many of the last tokens, all written since the two parted, agree with those up to ``at``."""
        most = min(len(self._written), _MOST_MATCHED, at + 1 - self._reached)
        return next((count for count in range(most) if self._ids[at - count] != self._written[-1 - count]), most)

    def _learn(self, old: list[int], new: list[int]) -> None:
        """Expect a change again; what only adds or only removes tokens, after the token before them."""
        if (not old or not new) and self._reached:
            before = self._ids[self._reached - 1 : self._reached]
            old, new = [*before, *old], [*before, *new]
        if not old or max(len(old), len(new)) > _MOST_CHANGED or any(one.old == old for one in self._repeats):
            return
        self._repeats = [_Repeat(old, new), *self._repeats[: _MOST_CHANGES - 1]]
