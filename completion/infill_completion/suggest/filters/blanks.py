"""Line ends, doubled and trailing blanks, and blank suggestions."""

from __future__ import annotations

import re

from infill_completion.document.lines import indent_of, to_lf
from infill_completion.languages.traits import LanguageTraits
from infill_completion.suggest.filters.context import FilterContext

_ONE_BLANK = re.compile(r"\S \Z")
_FIRST_BLANK = re.compile(r" \S")
_SENTENCE_END = re.compile(r"[.!?:][\"')\]]* \Z")
_TWO_BLANKS = re.compile(r"[.!?:][\"')\]]*  \S")
_LIST_MARKS = re.compile(r"\s*(?:- )+")
# A line of which only the name of a field, a constant or a key is written.
_NAME = re.compile(r"\s*(?!(?:return|go|defer|if|for|case|var|const|type|func|package|import|range)\b)\w+:? \Z")
# How many lines above and below show how columns are aligned.
_NEAR_LINES = 12


def unify_line_ends(text: str, context: FilterContext) -> str:
    """Use LF line ends, as the rest of the package does; the output has the document's own again."""
    del context
    return to_lf(text)


def drop_double_blank(text: str, context: FilterContext) -> str:
    """Drop a first blank that the line has already before the cursor, except where columns are aligned by it."""
    before = context.window.before
    if not _ONE_BLANK.search(before) or not _FIRST_BLANK.match(text) or _is_meant(text, context):
        return text
    first, *others = text[1:].split("\n")
    if _LIST_MARKS.fullmatch(before) and all(len(indent_of(line)) > len(before) for line in others if line.strip()):
        others = [line[1:] for line in others]  # The entry's other lines are indented like its first one.
    return "\n".join([first, *others])


def trim_end(text: str, context: FilterContext) -> str:
    """Drop trailing blanks and empty lines, but not blanks that separate it from the rest of the line."""
    rest = context.window.rest
    if not rest.strip():
        return text.rstrip()
    return text.rstrip(" \t") if rest[0] in " \t" and text.strip() else text


def drop_blank(text: str, context: FilterContext) -> str:
    """Drop a suggestion that consists of blanks."""
    del context
    return text if text.strip() else ""


def _is_meant(text: str, context: FilterContext) -> bool:
    """Return whether a second blank before ``text`` is intended."""
    window = context.window
    if _begins_comment(text[1:], context.traits) or text.rstrip() == " \\":
        return True
    if _SENTENCE_END.search(window.before) and any(map(_TWO_BLANKS.search, (window.prefix, window.suffix))):
        return True
    above = [line for line in window.above.split("\n") if line.strip()][-_NEAR_LINES:]
    below = [line for line in window.below.split("\n") if line.strip()][:_NEAR_LINES]
    column = len(window.before) + 1
    if any(_is_aligned(line, column) for line in above + below):
        return True
    is_name = context.language_id == "go" and _NAME.match(window.before) is not None
    return is_name and any(_NAME.fullmatch(line[:column]) for line in above[-1:] + below[:1])


def _begins_comment(text: str, traits: LanguageTraits) -> bool:
    return bool(traits.line_comment and text.startswith(traits.line_comment)) or text.startswith(("/*", "<!--"))


def _is_aligned(line: str, column: int) -> bool:
    """Return whether several blanks end at ``column`` of ``line``, after text."""
    head = line[:column]
    return head.endswith("  ") and bool(head.strip()) and line[column : column + 1].strip() != ""
