r"""One document's text, kept as lines so that a keystroke costs the same in a small and in a large file.

Lines end at ``\n``, ``\r\n`` and ``\r`` and nowhere else, as LSP has it.
"""

from __future__ import annotations

from bisect import bisect_right
from io import StringIO
from itertools import accumulate

from lsprotocol.types import Position, Range

from infill_server.positions import Units, column_in_code_points, column_in_units


class Text:
    """The text of a document that an editor changes piece by piece.

    An edit touches only the lines it changes; the whole text and the line starts are put together when somebody asks
    and kept until the next edit.
    """

    def __init__(self, text: str, units: Units) -> None:
        self._units = units
        self._lines = _split(text)
        self._whole: str | None = None
        self._starts: list[int] | None = None

    def __str__(self) -> str:
        """Return the whole text; lone halves of surrogate pairs, which no socket can carry, are U+FFFD in it."""
        if self._whole is None:
            self._whole = _encodable("".join(self._lines))
        return self._whole

    @property
    def line_count(self) -> int:
        """How many lines there are; one more than there are line ends."""
        return len(self._lines)

    def replace(self, range_: Range, new: str) -> tuple[int, int]:
        """Put ``new`` in place of ``range_`` and return where it ends, as line and code point."""
        (first, start), (last, end) = sorted((self.place(range_.start), self.place(range_.end)))
        before, behind = self._lines[first][:start], self._lines[last][end:]
        # A newline that comes to stand behind a carriage return makes one line end of the two.
        if first > 0 and before == "" and self._lines[first - 1].endswith("\r"):
            first -= 1
            before = self._lines[first]
        lines = _split(before + new + behind)
        if last + 1 < len(self._lines):
            lines.pop()  # the empty line behind the region's own line end
        self._lines[first : last + 1] = lines
        self._whole = self._starts = None
        written = _split(before + new)
        return first + len(written) - 1, len(written[-1])

    def replace_all(self, new: str) -> None:
        """Replace the whole text."""
        self._lines = _split(new)
        self._whole = self._starts = None

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
        content = line.rstrip("\r\n")
        return position.line, column_in_code_points(content, position.character, self._units)

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate(map(len, self._lines[:-1]), initial=0))
        return self._starts


def _split(text: str) -> list[str]:
    r"""Return the lines of ``text`` with their ends; the last one has none and may be empty.

    ``StringIO`` with ``newline=""`` splits at exactly LSP's three line ends, which `str.splitlines` does not.
    """
    lines = list(StringIO(_paired(text), newline=""))
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines


def _encodable(text: str) -> str:
    """Replace lone halves of surrogate pairs without moving an offset."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _paired(text: str) -> str:
    """Join the halves of surrogate pairs, which meet when a client edits inside a character."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text
