"""How much may be suggested at a cursor: the rest of the line, text before it, or a block.

Indentation decides, in every language. Where there is a grammar, the syntax tree has the last word: nothing inside a
string or a comment opens a block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.document.window import Window
from infill_completion.languages.registry import traits_of
from infill_completion.languages.syntax import excerpt_of, is_in_string_or_comment, untouched_body
from infill_completion.languages.traits import LanguageTraits, opens_block


class ExtentKind(Enum):
    """What may be suggested at a cursor."""

    LINE = "the rest of the line"
    MIDDLE = "text before the rest of the line"
    BLOCK = "a block"
    BODY = "the body of the block that the line opens"
    AHEAD = "the rest of the line, or the line after it"


@dataclass(frozen=True)
class Extent:
    """How far a suggestion at one cursor may reach.

    Attributes:
        kind: What may be suggested.
        indent: The indentation of the cursor's line in columns; on a blank line, up to the cursor.
        is_blank: Whether only whitespace precedes the cursor on its line.
        indentation: The whitespace that the cursor's line begins with.
        traits: The traits of the language.
        outer_indent: For a block inside an opened one, the columns of the line that opened it.
        language_id: LSP's language id, for the parser.
        before: The text before the cursor for the parser; None if the parser would not understand it.
    """

    kind: ExtentKind
    indent: int
    is_blank: bool
    indentation: str
    traits: LanguageTraits
    outer_indent: int | None = None
    language_id: str = ""
    before: str | None = None

    @property
    def spans_lines(self) -> bool:
        """Whether a suggestion may have several lines."""
        return self.kind in {ExtentKind.BLOCK, ExtentKind.BODY}

    @property
    def stop(self) -> tuple[str, ...]:
        r"""The stop strings that save the engine work.

        A blank line has none, because models often begin with a line end there and go on. The middle of a line has none
        either, because a line end there shows that the model ignored the rest of the line.
        """
        return ("\n",) if self.kind is ExtentKind.LINE and not self.is_blank else ()


def extent_at(window: Window, language_id: str, *, multiline: str, is_invoked: bool) -> Extent:
    """Decide how far a suggestion may reach.

    An automatic suggestion has several lines only where a block has just been opened and is still empty. An invoked one
    is a block on every blank line.

    Args:
        window: The text around the cursor.
        language_id: LSP's language id.
        multiline: The setting: ``auto``, ``never`` or ``always``.
        is_invoked: Whether the user invoked the suggestion.
    """
    traits = traits_of(language_id)
    before, rest = window.before, window.rest
    is_blank = not before.strip()
    base = Extent(ExtentKind.LINE, indent_width(before), is_blank, indent_of(before), traits, language_id=language_id)
    if rest.strip():
        return replace(base, kind=ExtentKind.MIDDLE)
    if multiline == "never":
        return base
    is_wanted = multiline == "always" or is_invoked
    kind, outer = _on_blank_line(window, base) if is_blank else _after_text(window, base)
    if not is_wanted and (kind is ExtentKind.LINE or is_in_string_or_comment(window, language_id)):
        return base
    if kind is ExtentKind.LINE:
        kind = ExtentKind.BLOCK if is_blank else ExtentKind.BODY
    excerpt = excerpt_of(window)
    return replace(base, kind=kind, outer_indent=outer, before=None if excerpt is None else excerpt.before)


def extent_ahead(window: Window, language_id: str, *, multiline: str) -> Extent | None:
    """Decide how far to compute ahead at a cursor that the user has not reached; None where it would not help."""
    now = extent_at(window, language_id, multiline=multiline, is_invoked=False)
    if now.kind is ExtentKind.LINE and not now.is_blank:
        return replace(now, kind=ExtentKind.AHEAD)
    return None if now.kind is ExtentKind.MIDDLE else now


def _after_text(window: Window, base: Extent) -> tuple[ExtentKind, int | None]:
    """Decide on a line with text: a body if the line opens a block that is still empty."""
    before, next_width = window.before, _next_width(window)
    # After a blank the user is still writing the line.
    is_body = not before[-1].isspace() and opens_block(before, base.traits)
    is_empty = next_width is None or next_width <= base.indent
    return (ExtentKind.BODY if is_body and is_empty else ExtentKind.LINE), None


def _on_blank_line(window: Window, base: Extent) -> tuple[ExtentKind, int | None]:
    """Decide on a blank line: a block if the body around it is still empty or has only a docstring."""
    opener, next_width = _opener_above(window, base.traits), _next_width(window)
    is_last = next_width is None or next_width < base.indent
    if opener is None and is_last:
        opener = untouched_body(window, base.language_id)
    if opener is None or opener >= base.indent:
        return ExtentKind.LINE, None
    return (ExtentKind.BLOCK if is_last else ExtentKind.LINE), opener


def _opener_above(window: Window, traits: LanguageTraits) -> int | None:
    """Return the indentation of the last line above that is not blank, if that line opens a block."""
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
