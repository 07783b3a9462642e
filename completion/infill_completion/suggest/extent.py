"""How much may be suggested at a cursor: the rest of the line, text before it, or a block.

Indentation decides, in every language. Where there is a grammar, the syntax tree has the last word: nothing inside a
string or a comment opens a block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.document.window import Window
from infill_completion.languages.brackets import PAIRS, open_brackets
from infill_completion.languages.long_literals import LongLiteral, open_literal
from infill_completion.languages.registry import traits_of
from infill_completion.languages.syntax import code_before, is_in_string_or_comment, parsed_before, untouched_body
from infill_completion.languages.traits import Blocks, LanguageTraits, opens_block

_END_WORD = re.compile(r"end\b")
# Style sheets consist of rules, so a selector is completed with its body.
STYLE_SHEETS = frozenset({"css", "scss", "less"})
_DECLARATION = re.compile(r"[^@]*:(?:\s|$)|\s*(?://|\*)")


class ExtentKind(Enum):
    """What may be suggested at a cursor."""

    LINE = "the rest of the line"
    MIDDLE = "text before the rest of the line"
    REST = "the rest of the line, and what belongs to it or follows it"
    BLOCK = "a block"
    BODY = "the body of the block that the line opens"
    LITERAL = "the rest of a string or comment of several lines"
    AHEAD = "the rest of the line, or the line after it"


@dataclass(frozen=True)
class Extent:
    """How far a suggestion at one cursor may reach.

    Attributes:
        kind: What may be suggested.
        line: The cursor's line up to the cursor.
        indent: The indentation of the cursor's line in columns; on a blank line, up to the cursor.
        traits: The traits of the language.
        is_wanted: Whether the user wants several lines wherever they are, not only where a block has been opened.
        is_untouched: For a block, whether it is a whole body that is still to be written; it ends at its dedent.
        outer_indent: For a block inside an opened one, the columns of the line that opened it.
        pair: The rest of the line if it begins with what closes the pair or the string around the cursor, else empty.
        has_body: Whether the lines below belong to the cursor's line, as the body that it opens or as arguments.
        literal: The string or comment around the cursor, if the suggestion may reach to its end.
        is_closed: Whether the text after the cursor closes ``literal``.
        language_id: LSP's language id, for the parser.
        before: The text before the cursor for the parser; None if the parser would not understand it.
    """

    kind: ExtentKind
    line: str
    indent: int
    traits: LanguageTraits
    is_wanted: bool = False
    is_untouched: bool = False
    outer_indent: int | None = None
    pair: str = ""
    has_body: bool = False
    literal: LongLiteral | None = None
    is_closed: bool = False
    language_id: str = ""
    before: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether only whitespace precedes the cursor on its line."""
        return not self.line.strip()

    @property
    def indentation(self) -> str:
        """The whitespace that the cursor's line begins with."""
        return indent_of(self.line)

    @property
    def spans_lines(self) -> bool:
        """Whether a suggestion may have several lines."""
        return self.kind not in {ExtentKind.LINE, ExtentKind.AHEAD, ExtentKind.MIDDLE} or bool(self.pair)

    @property
    def is_one_line(self) -> bool:
        """Whether one line is likely, so that the text after the cursor follows it."""
        if self.kind is ExtentKind.BLOCK:
            return not self.is_untouched
        return self.kind not in {ExtentKind.BODY, ExtentKind.LITERAL} and self.pair[:1] in {"", ")", "]"}

    @property
    def ends_with_line(self) -> bool:
        """Whether the end of the first line that has text decides everything, but for an opening brace alone."""
        is_line = self.kind in {ExtentKind.LINE, ExtentKind.AHEAD, ExtentKind.MIDDLE}
        return is_line and not (self.is_wanted or self.pair)

    @property
    def stop(self) -> tuple[str, ...]:
        r"""The stop strings that save the engine work.

        Only a line that is certainly unfinished has one. A blank line has none, because models often begin with a line
        end there and go on; after a line that may be complete, what follows the line end says why nothing is shown.
        The middle of a line has none, because a line end there shows that the model ignored the rest of the line.
        """
        is_unfinished = self.line[-1:].isspace() and not self.is_blank
        return ("\n",) if self.kind is ExtentKind.LINE and is_unfinished else ()


def extent_at(window: Window, language_id: str, *, multiline: str, is_invoked: bool) -> Extent:
    """Decide how far a suggestion may reach.

    An automatic suggestion has several lines only where a block, a pair of brackets or a string of several lines has
    just been opened and is still empty. An invoked one is a block on every blank line, reaches to the end of the string
    around the cursor, and may begin after the cursor's line.

    Args:
        window: The text around the cursor.
        language_id: LSP's language id.
        multiline: The setting: ``auto``, ``never`` or ``always``.
        is_invoked: Whether the user invoked the suggestion.
    """
    before, traits = window.before, traits_of(language_id)
    is_wanted = multiline == "always" or (is_invoked and multiline == "auto")
    base = Extent(ExtentKind.LINE, before, indent_width(before), traits, is_wanted, language_id=language_id)
    base = replace(base, has_body=_has_body(window, base))
    if multiline == "never":
        return replace(base, kind=ExtentKind.MIDDLE) if window.rest.strip() else base
    in_literal = _in_literal(window, base)
    if in_literal is not None:
        return in_literal
    if window.rest.strip():
        return _in_middle(window, base)
    kind, outer = _on_blank_line(window, base) if base.is_blank else _after_text(window, base)
    if not is_wanted and kind is ExtentKind.LINE:
        return replace(base, kind=ExtentKind.REST) if _is_selector(window, base) else base
    if not is_wanted and is_in_string_or_comment(window, language_id):
        return base
    is_untouched = kind is ExtentKind.BLOCK
    if kind is ExtentKind.LINE:
        kind = ExtentKind.BLOCK if base.is_blank or multiline == "always" else ExtentKind.REST
    return replace(base, kind=kind, outer_indent=outer, is_untouched=is_untouched, before=parsed_before(window))


def extent_ahead(window: Window, language_id: str, *, multiline: str) -> Extent | None:
    """Decide how far to compute ahead at a cursor that the user has not reached; None where it would not help."""
    now = extent_at(window, language_id, multiline=multiline, is_invoked=False)
    if now.kind is ExtentKind.LINE and not now.is_blank:
        return replace(now, kind=ExtentKind.AHEAD)
    return None if now.kind is ExtentKind.MIDDLE else now


def literal_at(window: Window, language_id: str) -> LongLiteral | None:
    """Return the string or comment of several lines around the cursor; None in code, or if unknown."""
    text = window.prefix if window.starts_document else parsed_before(window)
    return None if text is None else open_literal(text, language_id)


def _in_literal(window: Window, base: Extent) -> Extent | None:
    """Return the extent in a string or comment of several lines; None if the suggestion may not reach to its end."""
    literal = literal_at(window, base.language_id)
    if literal is None:
        return None
    rest, written = window.rest.lstrip(), literal.written
    is_opened_here = "\n" not in written and (literal.is_line or not written.strip("*! \t"))
    is_closed_here = not literal.is_line and rest.startswith(literal.closing)
    if (rest and not is_closed_here) or not (base.is_wanted or is_opened_here):
        return None
    is_closed = is_closed_here or literal.is_closed_in(window.suffix, base.language_id, is_cut=not window.ends_document)
    return replace(base, kind=ExtentKind.LITERAL, literal=literal, is_closed=is_closed, pair=rest.rstrip())


def _in_middle(window: Window, base: Extent) -> Extent:
    """Return the extent in the middle of a line: several lines only inside a pair that the rest of the line closes."""
    middle, rest = replace(base, kind=ExtentKind.MIDDLE), window.rest.strip()
    if not _closes_pair(rest, window, base.traits):
        return middle
    if not base.is_wanted and is_in_string_or_comment(window, base.language_id):
        return middle
    return replace(middle, pair=rest, before=parsed_before(window))


def _has_body(window: Window, base: Extent) -> bool:
    """Return whether the next line is deeper than the cursor's, in a language where this says that it belongs to it."""
    is_code = base.traits.blocks is not Blocks.PROSE
    return is_code and not base.is_blank and (width_below(window) or 0) > base.indent


def _closes_pair(rest: str, window: Window, traits: LanguageTraits) -> bool:
    """Return whether ``rest`` begins with the bracket, tag or keyword that closes what is open at the cursor."""
    if rest[0] in PAIRS:
        opener = (PAIRS[rest[0]],)
        if open_brackets(window.before, traits)[-1:] == opener:
            return True
        return traits.is_balanced and open_brackets(code_before(window), traits)[-1:] == opener
    if rest.startswith("</"):
        return window.before.rstrip().endswith(">")
    return traits.blocks is Blocks.END and _END_WORD.match(rest) is not None


def _is_selector(window: Window, base: Extent) -> bool:
    """Return whether the cursor's line begins a rule of a style sheet that has no body yet."""
    if base.language_id not in STYLE_SHEETS or base.is_blank or _DECLARATION.match(base.line):
        return False
    return literal_at(window, base.language_id) is None and (width_below(window) or 0) <= base.indent


def _after_text(window: Window, base: Extent) -> tuple[ExtentKind, int | None]:
    """Decide on a line with text: a body if the line opens a block that is still empty."""
    before, next_width = window.before, width_below(window)
    # After a blank the user is still writing the line.
    is_body = not before[-1].isspace() and opens_block(before, base.traits)
    is_empty = next_width is None or next_width <= base.indent
    return (ExtentKind.BODY if is_body and is_empty else ExtentKind.LINE), None


def _on_blank_line(window: Window, base: Extent) -> tuple[ExtentKind, int | None]:
    """Decide on a blank line: a block if the body around it is still empty or has only a docstring."""
    opener, next_width = _opener_above(window, base.traits), width_below(window)
    is_last = next_width is None or next_width < base.indent
    if opener is None and is_last:
        opener = untouched_body(window, base.language_id)
    if opener is None or opener >= base.indent:
        return ExtentKind.LINE, None
    return (ExtentKind.BLOCK if is_last else ExtentKind.LINE), opener


def _opener_above(window: Window, traits: LanguageTraits) -> int | None:
    """Return the indentation of the last line of code above, if that line opens a block."""
    for line in reversed(window.above.split("\n")):
        is_comment = bool(traits.line_comment) and line.lstrip().startswith(traits.line_comment)
        if line.strip() and not is_comment:
            return indent_width(line) if opens_block(line, traits) else None
    return None


def width_below(window: Window) -> int | None:
    """Return the indentation of the next line that is not blank; None at the end of the document."""
    below = window.below
    stripped = below.lstrip("\n \t")
    if not stripped:
        return None
    start = below.rfind("\n", 0, len(below) - len(stripped)) + 1
    return indent_width(below[start : len(below)])
