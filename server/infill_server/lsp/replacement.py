"""One edit of a document, in lines and columns, and what it does to other places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infill_completion.document.lines import split_lines

Location = tuple[int, int]


@dataclass(frozen=True)
class Replacement:
    """One range of a document replaced; locations are line and column in code points, from 0.

    Attributes:
        start: Where the range begins.
        former_end: Where it ended.
        end: Where the new text ends.
        removed: The former text.
        text: The new text.
    """

    start: Location
    former_end: Location
    end: Location
    removed: str
    text: str

    def trimmed(self) -> Replacement:
        """Return the same edit without what both texts begin with: many editors replace a line from its start."""
        same = common_length(self.removed, self.text)
        if not same:
            return self
        start = advanced(self.start, self.text[:same])
        return Replacement(start, self.former_end, self.end, self.removed[same:], self.text[same:])

    def moved(self, place: Location, *, with_text: bool) -> Location:
        """Return where ``place`` is after the edit; ``with_text`` moves it with what is inserted at it."""
        if place < self.start or (place == self.start and not (with_text and self.start == self.former_end)):
            return place
        if place < self.former_end:
            return self.end if with_text else self.start
        line, column = place
        if line != self.former_end[0]:
            return line - self.former_end[0] + self.end[0], column
        return self.end[0], column - self.former_end[1] + self.end[1]


def advanced(place: Location, text: str) -> Location:
    """Return the location at the end of ``text`` that begins at ``place``."""
    lines = split_lines(text)
    return (place[0], place[1] + len(text)) if len(lines) == 1 else (place[0] + len(lines) - 1, len(lines[-1]))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many characters both texts begin with, or how many lines."""
    least, most = 0, min(len(one), len(other))
    while least < most:  # Slices are compared many times faster than elements one by one.
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least
