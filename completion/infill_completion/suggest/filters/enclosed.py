"""Suggestions of several lines inside a pair of brackets or quotes that the editor has closed on the cursor's line."""

from __future__ import annotations

import re
from dataclasses import replace

from infill_completion.document.lines import indent_of
from infill_completion.languages.brackets import PAIRS
from infill_completion.languages.pairs import closing_offset
from infill_completion.suggest.filters.context import FilterContext

_ONLY_CLOSERS = re.compile(r"[)\]}>\"'`;,:{\s]+")
_OPENS_PAIR = re.compile(r"[(\[{>]\s*$")


def close_pair_below(text: str, context: FilterContext) -> str:
    """Let lines in a pair of brackets end with what closes it, which replaces the rest of the cursor's line."""
    rest = context.window.rest.strip()
    if "\n" not in text or not _is_pair(rest, context):
        return text
    offset = _closing_offset(text, rest, context)
    if offset is None:
        return _with_closer(text, rest, context)
    closed = text[offset:].rstrip()
    if rest.startswith(closed) or closed.startswith(rest) or _ends_alike(closed, rest):
        return text.rstrip()
    return text[: offset + _common(closed, rest)]


def replaced_below(text: str, context: FilterContext) -> int:
    """Return how much of the rest of the cursor's line a suggestion of several lines replaces, in characters."""
    rest, blanks = context.window.rest.strip(), indent_of(context.window.rest)
    if "\n" not in text or not _is_pair(rest, context):
        return 0
    offset = _closing_offset(text, rest, context)
    if offset is None:
        return 0
    closed = text[offset:].rstrip()
    is_all = closed.startswith(rest) or (not rest.startswith(closed) and _ends_alike(closed, rest))
    return len(context.window.rest) if is_all else len(blanks) + _common(closed, rest)


def without_replaced(context: FilterContext, size: int) -> FilterContext:
    """Return the context of a suggestion that replaces ``size`` characters right of the cursor."""
    window = replace(context.window, suffix=context.window.suffix[size:])
    return replace(context, window=window, ended_line=False)


def _is_pair(rest: str, context: FilterContext) -> bool:
    literal = context.literal
    if literal is not None:
        return not literal.is_line and rest.startswith(literal.closing)
    return rest[:1] in PAIRS or rest.startswith(("</", "end"))


def _closing_offset(text: str, rest: str, context: FilterContext) -> int | None:
    if context.literal is not None:
        end = context.literal.end_in(text)
        return None if end is None else end[0]
    return closing_offset(text, rest, context.traits)


def _with_closer(text: str, rest: str, context: FilterContext) -> str:
    """Return ``text`` with the rest of the line on a line of its own, if it begins below what opens the pair."""
    line = context.window.before
    if context.literal is not None:
        return text + rest if text.rstrip(" \t").endswith("\n") else text
    if not text.lstrip(" \t").startswith("\n") or not (_OPENS_PAIR.search(line) or rest.startswith("end")):
        return text.rstrip()
    return f"{text.rstrip()}\n{indent_of(line)}{rest}"


def _ends_alike(closed: str, rest: str) -> bool:
    """Return whether what follows the closing bracket goes on and then ends its line as the rest of the line does."""
    end = rest[1:].strip()
    return bool(end) and _ONLY_CLOSERS.fullmatch(rest) is not None and closed.partition("\n")[0].endswith(end)


def _common(first: str, second: str) -> int:
    """Return the length of the beginning that two texts share."""
    shorter = min(len(first), len(second))
    return next((index for index in range(shorter) if first[index] != second[index]), shorter)
