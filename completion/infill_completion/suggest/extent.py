"""How much to suggest: one line or a block, where a block ends, and where a cut leaves whole text.

Indentation decides, for every language; braces and end keywords only tell whether the line that closes a block
belongs to it. Where there is a grammar, the syntax tree knows better: what lies in strings and comments opens and ends
nothing, and brackets outweigh indentation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.document.window import Window
from infill_completion.languages.registry import traits_of
from infill_completion.languages.syntax import LineStart, is_in_string_or_comment, line_starts, untouched_body
from infill_completion.languages.syntax.near import near_before
from infill_completion.languages.traits import Blocks, LanguageTraits, opens_block

MOST_LINES = 24
# What `Plan._begun` returns where the model left the block of the blank line it was asked to fill.
_LEFT = "\n"
_OPENERS, _CLOSERS = ("(", "[", "{"), frozenset(")]}")
# The mark of a line that no parser has seen.
_UNKNOWN = LineStart(is_inside=False, depth=0)


class Shape(Enum):
    """What may be suggested at a cursor."""

    LINE = "the rest of the line"
    MIDDLE = "text before the rest of the line"
    BLOCK = "a block"
    BODY = "the body of the block that the line opens"
    AHEAD = "the rest of the line, or the line behind it"


@dataclass(frozen=True)
class Plan:
    """How far a suggestion at one cursor may reach.

    Attributes:
        shape: Its kind.
        indent: The columns of indentation of the cursor's line, up to the cursor where it is blank.
        is_blank: Whether there are only blanks before the cursor.
        indentation: Those blanks of the cursor's line.
        traits: The traits of the language.
        outer_indent: For a block inside an opened one, the columns of the line that opened it.
        language_id: LSP's language id, for the parser.
        before: The text before the cursor that the parser gets to see, None where it would not understand it.
    """

    shape: Shape
    indent: int
    is_blank: bool
    indentation: str
    traits: LanguageTraits
    outer_indent: int | None = None
    language_id: str = ""
    before: str | None = None

    @property
    def stop(self) -> tuple[str, ...]:
        r"""The stop strings that save the engine work.

        A blank line gets none, because models often begin with a line end there and go on; nor does the middle of a
        line, where a line end tells that the model did not see the rest.
        """
        return ("\n",) if self.shape is Shape.LINE and not self.is_blank else ()

    def settled(self, text: str) -> str | None:
        """Return the suggestion once no further text can change it, else None."""
        body = self._begun(text)
        if body is None:
            return None
        if body == _LEFT and self.is_blank:
            return ""
        if self.shape in {Shape.LINE, Shape.MIDDLE, Shape.AHEAD}:
            blank = len(body) - len(body.lstrip()) if self.shape is Shape.AHEAD else 0
            end = body.find("\n", blank)
            return None if end < 0 else body[:end]
        return self._block(body, is_whole=False)

    def finished(self, text: str, is_whole: bool) -> str:
        """Return the suggestion in ``text``, to which nothing more will come.

        Args:
            text: What the model wrote.
            is_whole: Whether it came to its end; else the last line may be half of one and is cut at its last good
                boundary.
        """
        settled = self.settled(text)
        if settled is not None:
            return settled
        body = self._begun(text) or ""
        if not is_whole:
            body = whole_part(body, self.shape in {Shape.BLOCK, Shape.BODY})
        if self.shape in {Shape.BLOCK, Shape.BODY}:
            return self._block(body + "\n", is_whole=True) or ""
        return body

    def _begun(self, text: str) -> str | None:
        """Drop empty lines a model begins with on a blank line, and the indentation that is already there."""
        if not self.is_blank or self.shape is Shape.MIDDLE:
            return text
        body = text
        while (end := body.find("\n")) >= 0 and not body[:end].strip():
            body = body[end + 1 :]
        if len(body) == len(text):
            return text
        blanks = indent_of(body)
        if len(blanks) == len(body):
            return None
        return body[len(self.indentation) :] if blanks.startswith(self.indentation) else _LEFT

    def _block(self, body: str, *, is_whole: bool) -> str | None:
        lines = body.split("\n")
        marked = self._marks(lines)
        first_opens = self.shape is Shape.BLOCK and opens_block(lines[0], self.traits)
        gap, end = False, 1
        for number, line in enumerate(lines[1:-1], 1):
            if not line.strip():
                gap = gap or not marked[number].is_inside
                continue
            verdict = self._verdict(line, gap, first_opens, marked[number])
            if verdict is not None or number >= MOST_LINES:
                return self._cut(lines, end if verdict is False else number + 1, marked)
            end, gap = number + 1, False
        if is_whole or self._ends_before(lines, gap, first_opens, marked[-1]):
            return self._cut(lines, end, marked)
        return None

    def _marks(self, lines: list[str]) -> tuple[LineStart, ...]:
        """Return what the parser knows of each line, as far as the lines are complete."""
        found = None
        if len(lines) > 1:
            found = line_starts(self.before, "\n".join(lines[:-1]) + "\n", self.language_id)
        return found if found is not None and len(found) == len(lines) else (_UNKNOWN,) * len(lines)

    @staticmethod
    def _cut(lines: list[str], end: int, marked: tuple[LineStart, ...]) -> str:
        """Return the first ``end`` lines, without a string or comment that they begin and do not end."""
        unclosed = marked[0].unclosed_since
        return "\n".join(lines[: unclosed if unclosed is not None and 0 < unclosed < end else end]).rstrip("\n")

    def _verdict(self, line: str, gap: bool, first_opens: bool, mark: LineStart) -> bool | None:
        """Tell whether the block ends with ``line`` (True), before it (False) or goes on (None)."""
        if mark.is_inside:
            return None
        if mark is not _UNKNOWN and self._is_braced:
            if mark.depth < 0:
                return False
            if mark.depth < _leading_closers(line):
                return None if self._goes_on(line) else True
            if self.shape is Shape.BODY or indent_width(line) < self.indent:
                return None
        return self._verdict_by_indent(line, gap, first_opens, mark)

    def _verdict_by_indent(self, line: str, gap: bool, first_opens: bool, mark: LineStart) -> bool | None:
        width = indent_width(line)
        base = self.outer_indent if width < self.indent else self.indent
        # Farther left, a bracket that is open is one that the model has forgotten.
        if self.shape is Shape.BLOCK and width == self.indent and mark.depth > 0 and not _leading_closers(line):
            return None
        if width > self.indent or (width == base and self._goes_on(line)):
            return None
        closes = width == base and self.traits.closer.match(line.strip()) is not None
        if self.shape is Shape.BODY or width < self.indent:
            return closes and self.traits.blocks is not Blocks.INDENT
        if closes:
            return True if first_opens else None
        return False if gap or first_opens else None

    @property
    def _is_braced(self) -> bool:
        """Whether the block lies in brackets, so that their end is its end."""
        if self.before is None or self.traits.blocks is not Blocks.BRACES:
            return False
        opener = self.before if self.shape is Shape.BODY else self.before[: self.before.rfind("\n") + 1]
        return (self.shape is Shape.BODY or self.outer_indent is not None) and opener.rstrip().endswith(_OPENERS)

    def _goes_on(self, line: str) -> bool:
        """Tell whether ``line`` closes one part of a construct and opens the next, as ``} else {`` does."""
        is_next = self.traits.next_part.match(line.strip()) is not None
        return is_next or (self.traits.closer.match(line.strip()) is not None and opens_block(line, self.traits))

    def _ends_before(self, lines: list[str], gap: bool, first_opens: bool, mark: LineStart) -> bool:
        """Tell whether the last line, whose end is still to come, surely lies outside of the block."""
        partial = lines[-1].strip()
        if len(lines) == 1 or not partial or partial.isalpha() or self.traits.closer.match(partial):
            return False
        return self._verdict(lines[-1], gap, first_opens, mark) is False


def plan(window: Window, language_id: str, *, multiline: str, is_invoked: bool) -> Plan:
    """Decide how far a suggestion may reach.

    Unasked, several lines are offered only where a block has just been opened and is still empty; a user who asks gets
    a block on every blank line.
    """
    traits = traits_of(language_id)
    before, rest = window.before, window.rest
    is_blank = not before.strip()
    base = Plan(Shape.LINE, indent_width(before), is_blank, indent_of(before), traits, language_id=language_id)
    if rest.strip():
        return replace(base, shape=Shape.MIDDLE)
    if multiline == "never":
        return base
    is_wanted = multiline == "always" or is_invoked
    shape, outer = _blank_line(window, base) if is_blank else _behind_text(window, base)
    if not is_wanted and (shape is Shape.LINE or is_in_string_or_comment(window, language_id)):
        return base
    if shape is Shape.LINE:
        shape = Shape.BLOCK if is_blank else Shape.BODY
    seen = near_before(window.prefix, is_whole=window.starts_document)
    return replace(base, shape=shape, outer_indent=outer, before=seen)


def _behind_text(window: Window, base: Plan) -> tuple[Shape, int | None]:
    """Decide for a line with text: a body where the line opens one that is still empty."""
    before, next_width = window.before, _next_width(window)
    # Behind a blank the user goes on with the line.
    is_body = not before[-1].isspace() and opens_block(before, base.traits)
    return (Shape.BODY if is_body and (next_width is None or next_width <= base.indent) else Shape.LINE), None


def _blank_line(window: Window, base: Plan) -> tuple[Shape, int | None]:
    """Decide for a line of blanks: a block where the body around it is still empty, or has only a docstring."""
    opener, next_width = _opener_above(window, base.traits), _next_width(window)
    is_last = next_width is None or next_width < base.indent
    if opener is None and is_last:
        opener = untouched_body(window, base.language_id)
    if opener is None or opener >= base.indent:
        return Shape.LINE, None
    return (Shape.BLOCK if is_last else Shape.LINE), opener


def plan_ahead(window: Window, language_id: str, *, multiline: str) -> Plan | None:
    """Decide how far to compute ahead at a cursor that does not exist yet; None where nothing useful can follow."""
    now = plan(window, language_id, multiline=multiline, is_invoked=False)
    if now.shape is Shape.LINE and not now.is_blank:
        return replace(now, shape=Shape.AHEAD)
    return None if now.shape is Shape.MIDDLE else now


def whole_part(text: str, may_span_lines: bool) -> str:
    """Return the longest part of a cut-off ``text`` that does not end in half a thought.

    That is everything but the last line; within a single line, what ends behind a closing bracket, a semicolon or a
    comma with all of its own brackets closed.
    """
    if may_span_lines and "\n" in text.strip("\n"):
        return text[: text.rindex("\n")]
    return text[: _last_boundary(text)]


def _last_boundary(line: str) -> int:
    depth, boundary, quote = 0, 0, ""
    for index, character in enumerate(line):
        if quote:
            quote = "" if character == quote and line[index - 1] != "\\" else quote
            continue
        if character in "\"'`":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            boundary = index + 1 if depth == 0 else boundary
        elif character == ";" and depth == 0:
            boundary = index + 1
    return boundary


def _leading_closers(line: str) -> int:
    stripped = line.strip()
    return next((at for at, character in enumerate(stripped) if character not in _CLOSERS), len(stripped))


def _opener_above(window: Window, traits: LanguageTraits) -> int | None:
    """Return the indentation of the line above if a block begins behind it."""
    above = window.above.rstrip("\n \t")
    line = above[above.rfind("\n") + 1 :]
    return indent_width(line) if opens_block(line, traits) else None


def _next_width(window: Window) -> int | None:
    """Return the indentation of the next line that is not blank; None at the end of the document."""
    below = window.below
    stripped = below.lstrip("\n \t")
    if not stripped:
        return None
    start = below.rfind("\n", 0, len(below) - len(stripped)) + 1
    return indent_width(below[start : len(below)])
