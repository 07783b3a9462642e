"""Where a block of several lines ends in the text that the model writes.

Indentation decides, in every language; braces and end keywords only decide whether the line that closes a block belongs
to it. Where there is a grammar, the syntax tree decides instead: what is inside strings and comments neither opens nor
ends a block, and brackets outweigh indentation.
"""

from __future__ import annotations

import re
import sys
from enum import Enum

from infill_completion.document.lines import indent_width
from infill_completion.languages.syntax import LineStart, line_starts
from infill_completion.languages.traits import Blocks, opens_block
from infill_completion.suggest.extent import STYLE_SHEETS, Extent, ExtentKind

MAX_LINES = 24
_OPENERS, _CLOSERS = ("(", "[", "{"), frozenset(")]}")
# A line that no parser has seen.
_UNKNOWN = LineStart(is_inside=False, depth=0)
# What the head of a block may end with if its brace is on the next line, besides a word.
_HEAD_ENDS = (")", ">", "]")
# What goes on with a statement after the closing brace of a block, and the beginnings of these words.
_NEXT_WORDS = ("else", "catch", "finally")
_NEXT_PART = re.compile(rf"(?:{'|'.join(_NEXT_WORDS)})\b")


class _End(Enum):
    """Where a block ends in relation to one line."""

    NOT_YET = 0
    WITH_LINE = 1
    BEFORE_LINE = 2


def block_in(body: str, extent: Extent, *, is_whole: bool) -> str | None:
    """Return the block that ``body`` begins with, or None while further text may change it.

    Args:
        body: What the model wrote; its last line may be incomplete.
        extent: How far the suggestion may reach.
        is_whole: Whether no further text comes, so that the block ends with ``body`` at the latest.
    """
    return _Block(body, extent).text(is_whole=is_whole)


class _Block:
    """The lines of a suggestion, with what the parser knows of each."""

    def __init__(self, body: str, extent: Extent) -> None:
        self._extent = extent
        self._lines = body.split("\n")
        self._starts = _line_starts_of(self._lines, extent)
        first = extent.line + self._lines[0]
        self._first_opens = extent.kind is ExtentKind.BLOCK and opens_block(first, extent.traits)
        self._most_lines = MAX_LINES if extent.kind is ExtentKind.BLOCK and not extent.is_untouched else sys.maxsize

    def text(self, *, is_whole: bool) -> str | None:
        gap, end = False, 1
        for number, line in enumerate(self._lines[1:-1], 1):
            if not line.strip():
                gap = gap or not self._starts[number].is_inside
                continue
            found = self._end_at(number, gap)
            if found is _End.WITH_LINE and self._may_go_on(number):
                goes_on = self._goes_on(number)
                if goes_on is None and not is_whole:
                    return None
                found = _End.NOT_YET if goes_on else found
            if found is not _End.NOT_YET or number >= self._most_lines:
                return self._first(end if found is _End.BEFORE_LINE else number + 1)
            end, gap = number + 1, False
        return self._first(end) if is_whole or self._ends_before_last(gap) else None

    def _first(self, count: int) -> str:
        """Return the first ``count`` lines, without a string or comment that begins in them and does not end."""
        unclosed = self._starts[0].unclosed_since
        is_cut = unclosed is not None and 0 < unclosed < count
        return "\n".join(self._lines[: unclosed if is_cut else count]).rstrip("\n")

    def _end_at(self, number: int, gap: bool) -> _End:
        """Return where the block ends in relation to a line; ``gap`` is whether a blank line precedes it."""
        extent, line, start = self._extent, self._lines[number], self._starts[number]
        if start.is_inside or self._belongs_to_head(number):
            return _End.NOT_YET
        if start is not _UNKNOWN and _is_braced(extent):
            if start.depth < 0:
                return _End.BEFORE_LINE
            if start.depth < _leading_closers(line):
                return _End.NOT_YET if self._continues(line) else _End.WITH_LINE
            if extent.kind is ExtentKind.BODY or indent_width(line) < extent.indent:
                return _End.NOT_YET
        return self._end_by_indent(line, start, gap)

    def _end_by_indent(self, line: str, start: LineStart, gap: bool) -> _End:
        extent, width = self._extent, indent_width(line)
        base = extent.outer_indent if width < extent.indent else extent.indent
        # At a smaller indentation the model has forgotten to close an open bracket.
        is_at_indent = extent.kind is ExtentKind.BLOCK and width == extent.indent
        if is_at_indent and start.depth > 0 and not _leading_closers(line):
            return _End.NOT_YET
        if width > extent.indent or (width == base and self._continues(line)):
            return _End.NOT_YET
        closes = width == base and extent.traits.closer.match(line.strip()) is not None
        if extent.kind is ExtentKind.BODY or width < extent.indent:
            return _End.WITH_LINE if closes else _End.BEFORE_LINE
        if extent.is_untouched:
            return _End.NOT_YET
        if closes:
            return _End.WITH_LINE if self._first_opens else _End.NOT_YET
        return _End.BEFORE_LINE if gap or self._first_opens else _End.NOT_YET

    def _belongs_to_head(self, number: int) -> bool:
        """Return whether a line is part of the head of the block: its brace, or the next selector of a list."""
        line, head = self._lines[number], (self._extent.line + self._lines[0]).rstrip()
        if indent_width(line) != self._extent.indent:
            return False
        if line.strip() == "{" and number > 1:
            return self._is_next_part(number - 1)
        if line.strip() == "{":
            return head.endswith(_HEAD_ENDS) or head[-1:].isalnum()
        if self._is_next_part(number):
            return True
        above = head if number == 1 else self._lines[number - 1].rstrip()
        return self._extent.language_id in STYLE_SHEETS and self._extent.kind is ExtentKind.BODY and above.endswith(",")

    def _may_go_on(self, number: int) -> bool:
        """Return whether a line is the closing brace of a block whose opening one is a line of its own, too."""
        head, line = (self._extent.line + self._lines[0]).strip(), self._lines[number]
        return line.strip() == "}" and (head == "{" or self._lines[1].strip() == "{")

    def _goes_on(self, number: int) -> bool | None:
        """Return whether the line after a closing brace goes on with the statement; None if it is not there yet."""
        if number + 2 < len(self._lines):
            return self._is_next_part(number + 1)
        partial = self._lines[-1].strip()
        return None if any(word.startswith(partial) for word in _NEXT_WORDS) or _NEXT_PART.match(partial) else False

    def _is_next_part(self, number: int) -> bool:
        """Return whether a line goes on with the statement of the brace that closes a block above it."""
        above, line = self._lines[number - 1], self._lines[number]
        is_below = number > 1 and self._may_go_on(number - 1) and indent_width(above) == indent_width(line)
        return is_below and _NEXT_PART.match(line.strip()) is not None

    def _continues(self, line: str) -> bool:
        """Return whether ``line`` closes one part of a construct and opens the next, as ``} else {`` does."""
        traits = self._extent.traits
        is_next = traits.next_part.match(line.strip()) is not None
        return is_next or (traits.closer.match(line.strip()) is not None and opens_block(line, traits))

    def _ends_before_last(self, gap: bool) -> bool:
        """Return whether the last line, which is still incomplete, is certainly outside the block."""
        partial = self._lines[-1].strip()
        if len(self._lines) == 1 or not partial or partial.isalpha() or self._extent.traits.closer.match(partial):
            return False
        return self._end_at(len(self._lines) - 1, gap) is _End.BEFORE_LINE


def _line_starts_of(lines: list[str], extent: Extent) -> tuple[LineStart, ...]:
    """Return what the parser knows of each line; it reads the complete lines only."""
    found = None
    if len(lines) > 1:
        found = line_starts(extent.before, "\n".join(lines[:-1]) + "\n", extent.language_id)
    return found if found is not None and len(found) == len(lines) else (_UNKNOWN,) * len(lines)


def _is_braced(extent: Extent) -> bool:
    """Return whether brackets surround the block, so that it ends where they close."""
    if extent.before is None or extent.traits.blocks is not Blocks.BRACES:
        return False
    is_body = extent.kind is ExtentKind.BODY
    opener = extent.before if is_body else extent.before[: extent.before.rfind("\n") + 1]
    return (is_body or extent.outer_indent is not None) and opener.rstrip().endswith(_OPENERS)


def _leading_closers(line: str) -> int:
    stripped = line.strip()
    return next((at for at, character in enumerate(stripped) if character not in _CLOSERS), len(stripped))
