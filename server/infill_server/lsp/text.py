r"""One document's text, kept as lines so that a keystroke costs the same in a small and in a large file.

Lines end at ``\n``, ``\r\n`` and ``\r`` and nowhere else, as LSP has it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import accumulate

from lsprotocol.types import Position, Range

from infill_server.lsp.positions import Units, column_in_code_points, column_in_units

# Beyond so many characters two whole texts are not compared: an edit that large is not typed.
_MOST_COMPARED = 10_000


@dataclass(frozen=True)
class Edit:
    """Where new text stands, as lines and code points."""

    start: tuple[int, int]
    end: tuple[int, int]


class Text:
    """The text of a document that an editor changes piece by piece.

    An edit touches only the lines it changes; the whole text and the line starts are put together when somebody asks
    and kept until the next edit.
    """

    def __init__(self, text: str, units: Units) -> None:
        self._units = units
        self._whole: str | None = None
        self._starts: list[int] | None = None
        self._is_encodable = _is_encodable(text)  # so that a key in a long line does not look through all of it
        self._lines = _split(text if self._is_encodable else _paired(text))

    def __str__(self) -> str:
        """Return the whole text; lone halves of surrogate pairs, which no socket can carry, are U+FFFD in it."""
        if self._whole is None:
            text = "".join(self._lines)
            self._whole = text if self._is_encodable else _encodable(text)
        return self._whole

    @property
    def line_count(self) -> int:
        """How many lines there are; one more than there are line ends."""
        return len(self._lines)

    def replace(self, range_: Range, new: str) -> Edit:
        """Put ``new`` in place of ``range_`` and return where it stands now."""
        (first, start), (last, end) = sorted((self.place(range_.start), self.place(range_.end)))
        before, behind = self._lines[first][:start], self._lines[last][end:]
        begins = first, start
        # A newline that comes to stand behind a carriage return makes one line end of the two.
        if first > 0 and before == "" and self._lines[first - 1].endswith("\r"):
            first -= 1
            before = self._lines[first]
        self._whole = self._starts = None
        self._is_encodable = self._is_encodable and _is_encodable(new)
        if self._is_encodable and "\n" not in new and "\r" not in new and not before.endswith("\r"):
            # A key in a line: there is nothing to split.
            self._lines[first : last + 1] = [before + new + behind]
            return Edit(begins, (first, len(before) + len(new)))
        lines = _split(_paired(before + new + behind))
        if last + 1 < len(self._lines):
            lines.pop()  # the empty line behind the region's own line end
        self._lines[first : last + 1] = lines
        written = _split(_paired(before + new))
        return Edit(begins, (first + len(written) - 1, len(written[-1])))

    def replace_all(self, new: str) -> Edit | None:
        """Replace the whole text and return where it differs from the former one; None where it does not."""
        former, self._lines = self._lines, _split(_paired(new))
        self._is_encodable = _is_encodable(new)
        self._whole = self._starts = None
        return _difference(former, self._lines)

    def between(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return the text from one line and code point to another."""
        lines = self._lines[start[0] : end[0] + 1]
        lines[-1] = lines[-1][: end[1]]
        lines[0] = lines[0][start[1] :]
        return "".join(lines)

    def offset(self, position: Position) -> int:
        """Return the code points left of a client's position; one outside the text is moved to the nearest inside."""
        line, column = self.place(position)
        return self._line_starts()[line] + column

    def position(self, offset: int) -> Position:
        """Return the client's position of ``offset``; the inverse of `offset`."""
        starts = self._line_starts()
        line = bisect_right(starts, max(offset, 0)) - 1
        column = min(max(offset, 0) - starts[line], len(self._lines[line]))
        return Position(line, column_in_units(self._lines[line], column, self._units))

    def place(self, position: Position) -> tuple[int, int]:
        """Return line and code point of a client's position, moved into the text where it lies outside."""
        if position.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        line = self._lines[position.line]
        end = len(line)
        while end and line[end - 1] in "\r\n":
            end -= 1
        return position.line, min(column_in_code_points(line, position.character, self._units), end)

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate(map(len, self._lines[:-1]), initial=0))
        return self._starts


def _split(text: str) -> list[str]:
    r"""Return the lines of ``text`` with their ends; the last one has none and may be empty.

    ``StringIO`` with ``newline=""`` splits at exactly LSP's three line ends, which `str.splitlines` does not.
    """
    lines = list(StringIO(text, newline=""))
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines


def _difference(former: list[str], lines: list[str]) -> Edit | None:
    """Return the place in ``lines`` outside of which they are as they were; None where they are the same."""
    top = _common(former, lines)
    if top == len(former) == len(lines):
        return None
    below = _common(former[top:][::-1], lines[top:][::-1])
    old, new = "".join(former[top : len(former) - below]), "".join(lines[top : len(lines) - below])
    if max(len(old), len(new)) > _MOST_COMPARED:  # nobody types so much at once
        return None
    start = _common(old, new)
    end = len(new) - _common(old[start:][::-1], new[start:][::-1])
    return Edit(_place_in(lines, top, start), _place_in(lines, top, end))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many items both begin with."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)


def _place_in(lines: list[str], line: int, offset: int) -> tuple[int, int]:
    """Return line and code point of an offset that counts from the start of ``line``."""
    while line < len(lines) - 1 and offset >= len(lines[line]):
        offset -= len(lines[line])
        line += 1
    return line, offset


def _is_encodable(text: str) -> bool:
    """Tell whether ``text`` is free of halves of surrogate pairs."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encodable(text: str) -> str:
    """Replace lone halves of surrogate pairs without moving an offset."""
    return text if _is_encodable(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _paired(text: str) -> str:
    """Join the halves of surrogate pairs, which meet when a client edits inside a character."""
    if _is_encodable(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
