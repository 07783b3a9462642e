"""Indentation in the style of the document, without a stray first blank."""

from __future__ import annotations

import math
import re

from infill_completion.document.lines import indent_of, indent_width
from infill_completion.suggest.filters.context import FilterContext

_TABBED = re.compile(r"^\t+\S", re.MULTILINE)
_SPACED = re.compile(r"^ {2,}\S", re.MULTILINE)


def match_indentation(text: str, context: FilterContext) -> str:
    """Indent with tabs if the document does, and with spaces if it has only those."""
    around = context.window.prefix + context.window.suffix
    has_tabs, has_spaces = _has_lines(_TABBED, "\t", around), _has_lines(_SPACED, "  ", around)
    if has_tabs == has_spaces:
        return text
    first, newline, others = text.partition("\n")
    # On a blank line the first line's blanks are indentation too.
    head, indented = (first + newline, others) if context.window.before.strip() else ("", text)
    lines = indented.split("\n")
    widths = [len(indent_of(line)) for line in lines if line.startswith(" ")]
    if has_tabs and widths and not any(line.startswith("\t") for line in lines):
        unit = 4 if all(width % 4 == 0 for width in widths) else 2
        return head + "\n".join(_with_tabs(line, unit) for line in lines)
    if has_spaces and _is_tabbed(lines):
        unit = _unit(around)
        return head + "\n".join(_with_spaces(line, unit) for line in lines)
    return text


def trim_stray_blank(text: str, context: FilterContext) -> str:
    """Drop a single leading blank by which no line is indented."""
    if len(text) < 2 or text[0] != " " or not text[1].isalnum():
        return text
    before, window = context.window.before, context.window
    if before.strip():
        return text
    widths = {indent_width(line) for line in (window.above + window.below).split("\n") if line.strip()}
    widths |= _aligned(window.above)
    width = indent_width(before)
    return text[1:] if width in widths | {0} and width + 1 not in widths else text


def _has_lines(pattern: re.Pattern[str], start: str, text: str) -> bool:
    """Return whether ``pattern`` is found, of which every match begins a line with ``start``; that is found sooner."""
    return (f"\n{start}" in text or text.startswith(start)) and pattern.search(text) is not None


def _aligned(above: str) -> set[int]:
    """Return the columns after the opening brackets of the line above, where continued lines are aligned."""
    lines = above.rstrip().split("\n")
    return {column for column, character in enumerate(lines[-1].expandtabs(), 1) if character in "([{"}


def _is_tabbed(lines: list[str]) -> bool:
    """Return whether lines are indented with tabs alone; blanks after tabs are alignment, which cannot be converted."""
    indents = [indent_of(line) for line in lines]
    return any("\t" in indent for indent in indents) and not any(" " in indent for indent in indents)


def _unit(text: str) -> int:
    """Return how many spaces one level of indentation has in ``text``."""
    widths = [len(indent_of(match.group())) for match in _SPACED.finditer(text)]
    return max(math.gcd(*widths), 2) if widths else 4


def _with_tabs(line: str, unit: int) -> str:
    blanks = len(indent_of(line))
    return "\t" * (blanks // unit) + " " * (blanks % unit) + line[blanks:]


def _with_spaces(line: str, unit: int) -> str:
    blanks = indent_of(line)
    return blanks.replace("\t", " " * unit) + line[len(blanks) :]
