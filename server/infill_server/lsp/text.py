r"""The text of a document, stored as lines so that an edit costs the same in a small and in a large file.

Lines end at ``\n``, ``\r\n`` and ``\r`` and nowhere else, as LSP specifies.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, islice

from lsprotocol.types import Position, Range

from infill_completion.document.changes import ChangeLog
from infill_completion.document.lines import split_lines
from infill_completion.document.snapshot import TextEdit
from infill_server.lsp.positions import Units, column_in_code_points, column_in_units
from infill_server.lsp.replacement import common_length

# Longer differences between two whole texts are not compared: an edit this large was not typed.
_MAX_COMPARED = 10_000
# After more edits the whole text is cheaper to join from the lines than to splice.
_MOST_SPLICED = 4
# How many line starts are computed at once to find the line of an offset.
_STEP_LINES = 1000


@dataclass(frozen=True)
class Edit:
    """The range of newly inserted text; both ends are line and column in code points, from 0.

    ``former_end`` is where the range ended that it replaced.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    former_end: tuple[int, int] = field(default=(0, 0), compare=False)


class DocumentText:
    """The text of a document that an editor changes incrementally.

    An edit touches only the lines it changes. The whole text and the line starts are computed on demand. An edit leaves
    the starts of the lines above it, and the next whole text is made of the last one, in which it replaces a range.
    """

    def __init__(self, text: str, units: Units, log: ChangeLog | None = None) -> None:
        self._units = units
        self._log = log
        self._whole: str | None = None
        self._former: str | None = None  # the last whole text that was asked for
        self._edits: list[tuple[int, int, str]] = []  # what has been replaced in it since, and by what
        self._edit: TextEdit | None = None
        self._starts = [0]  # of the lines up to the last one that was asked for
        self._is_encodable = _is_encodable(text)  # cached: typing in a long line need not scan all of it
        self._lines = split_lines(text if self._is_encodable else _paired(text))

    def __str__(self) -> str:
        """Return the whole text; lone surrogates, which cannot be encoded for a socket, are replaced by U+FFFD."""
        if self._whole is None:
            self._edit = None
            self._whole = self._spliced() if self._is_encodable else _encodable("".join(self._lines))
            self._former, self._edits = (self._whole if self._is_encodable else None), []
        return self._whole

    @property
    def edit(self) -> TextEdit | None:
        """How the whole text that was asked for last came about from the one before; None if that is not known."""
        return self._edit

    @property
    def line_count(self) -> int:
        """The number of lines, which is the number of line ends plus one."""
        return len(self._lines)

    @property
    def last(self) -> tuple[int, int]:
        """The location of the end of the text."""
        return len(self._lines) - 1, len(self._lines[-1])

    def replace(self, range_: Range, new: str) -> Edit:
        """Replace ``range_`` with ``new`` and return the range of the new text."""
        (first, start), (last, end) = sorted((self.locate(range_.start), self.locate(range_.end)))
        before, after = self._lines[first][:start], self._lines[last][end:]
        self._note((first, start), (last, end), new)
        edit_start = first, start
        # A newline inserted directly after a carriage return forms one line end with it.
        if first > 0 and before == "" and self._lines[first - 1].endswith("\r"):
            first -= 1
            before = self._lines[first]
        self._whole = None
        del self._starts[first + 1 :]
        self._is_encodable = self._is_encodable and _is_encodable(new)
        if self._is_encodable and "\n" not in new and "\r" not in new and not before.endswith("\r"):
            # Typing within a line: there is nothing to split.
            self._put(first, last, [before + new + after])
            return Edit(edit_start, (first, len(before) + len(new)), (last, end))
        lines = split_lines(_paired(before + new + after))
        if last + 1 < len(self._lines):
            lines.pop()  # the empty line after the region's own line end
        self._put(first, last, lines)
        written = split_lines(_paired(before + new))
        return Edit(edit_start, (first + len(written) - 1, len(written[-1])), (last, end))

    def replace_all(self, new: str) -> Edit | None:
        """Replace the whole text and return the range that differs from the former text; None if nothing differs."""
        former, self._lines = self._lines, split_lines(_paired(new))
        self._is_encodable = _is_encodable(new)
        self._whole, self._starts, self._former = None, [0], None
        top, below = _unchanged(former, self._lines)
        if self._log is not None and top < max(len(former), len(self._lines)):
            self._log.note(top, former[top : len(former) - below], self._lines[top : len(self._lines) - below])
        return _difference(former, self._lines, top, below)

    def _put(self, first: int, last: int, lines: list[str]) -> None:
        """Replace the lines from ``first`` to ``last``."""
        if self._log is not None:
            self._log.note(first, self._lines[first : last + 1], lines)
        self._lines[first : last + 1] = lines

    def between(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        """Return the text between two locations, each a line and a column in code points."""
        if start >= end:
            return ""
        lines = self._lines[start[0] : end[0] + 1]
        lines[-1] = lines[-1][: end[1]]
        lines[0] = lines[0][start[1] :]
        return "".join(lines)

    def offset(self, position: Position) -> int:
        """Return the offset of a client's position in code points; a position outside the text is clamped to it."""
        return self.offset_at(self.locate(position))

    def offset_at(self, location: tuple[int, int]) -> int:
        """Return the offset of a line and a column in code points, which must be in the text."""
        return self._start(location[0]) + location[1]

    def position(self, offset: int) -> Position:
        """Return the client's position of an offset in code points; the inverse of `offset`."""
        offset, last = max(offset, 0), len(self._lines) - 1
        while self._starts[-1] <= offset and len(self._starts) <= last:
            self._start(min(len(self._starts) + _STEP_LINES, last))
        line = bisect_right(self._starts, offset) - 1
        column = min(offset - self._starts[line], len(self._lines[line]))
        return Position(line, column_in_units(self._lines[line], column, self._units))

    def locate(self, position: Position) -> tuple[int, int]:
        """Return line and column in code points of a client's position, clamped to the text."""
        if position.line >= len(self._lines):
            return len(self._lines) - 1, len(self._lines[-1])
        line = self._lines[position.line]
        end = len(line)
        while end and line[end - 1] in "\r\n":
            end -= 1
        return position.line, min(column_in_code_points(line, position.character, self._units), end)

    def _note(self, start: tuple[int, int], end: tuple[int, int], new: str) -> None:
        """Note what is about to be replaced in the last whole text."""
        if self._former is None or len(self._edits) == _MOST_SPLICED or not (self._is_encodable and _is_encodable(new)):
            self._former = None  # The whole text is joined from the lines again.
            return
        self._edits.append((self._start(start[0]) + start[1], self._start(end[0]) + end[1], new))

    def _spliced(self) -> str:
        """Return the whole text."""
        text = self._former
        if text is None:
            return "".join(self._lines)
        for start, end, new in self._edits:
            span = start, end, start + len(new)
            self._edit = TextEdit(text, *span) if self._edit is None else self._edit.followed_by(*span)
            text = "".join((text[:start], new, text[end:]))
        return text

    def _start(self, line: int) -> int:
        """Return the offset of a line; an edit leaves the offsets of the lines above it as they are."""
        known = len(self._starts)
        if line >= known:
            lengths = map(len, self._lines[known - 1 : line])
            self._starts += islice(accumulate(lengths, initial=self._starts[-1]), 1, None)
        return self._starts[line]


def _unchanged(former: list[str], lines: list[str]) -> tuple[int, int]:
    """Return how many lines are the same at the top and at the bottom; a line does not count twice."""
    top = common_length(former, lines)
    return top, common_length(former[top:][::-1], lines[top:][::-1])


def _difference(former: list[str], lines: list[str], top: int, below: int) -> Edit | None:
    """Return the range of ``lines`` outside of which nothing changed; None if nothing changed at all."""
    if top == len(former) == len(lines):
        return None
    old, new = "".join(former[top : len(former) - below]), "".join(lines[top : len(lines) - below])
    if max(len(old), len(new)) > _MAX_COMPARED:  # too much to have been typed
        return None
    start = common_length(old, new)
    same = common_length(old[start:][::-1], new[start:][::-1])
    end = _locate_from(lines, top, len(new) - same)
    return Edit(_locate_from(lines, top, start), end, _locate_from(former, top, len(old) - same))


def _locate_from(lines: list[str], line: int, offset: int) -> tuple[int, int]:
    """Return line and column in code points of an offset that counts from the start of ``line``."""
    while line < len(lines) - 1 and offset >= len(lines[line]):
        offset -= len(lines[line])
        line += 1
    return line, offset


def _is_encodable(text: str) -> bool:
    """Return whether ``text`` contains no surrogates."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encodable(text: str) -> str:
    """Replace lone surrogates without changing any offset."""
    return text if _is_encodable(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _paired(text: str) -> str:
    """Join adjacent halves of surrogate pairs, which a client produces by editing inside a character."""
    if _is_encodable(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
