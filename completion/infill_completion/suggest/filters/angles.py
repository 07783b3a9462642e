"""Angle brackets, which are brackets only around types, tags and paths."""

from __future__ import annotations

import re

from infill_completion.suggest.filters.context import FilterContext

# Arrows and comparisons with an equals sign are not brackets.
_OPEN = re.compile(r"(?:<[^<>;&|]*)+$")
_ANGLE = re.compile(r"[-=]>|[<>]=|([<>])")


def closed_angles(text: str, context: FilterContext) -> tuple[int, int] | None:
    """Return where ``text`` closes the angle bracket around the cursor, and how many ``>`` of the rest it closes.

    None if it closes nothing, or if the cursor is not directly before the end of a pair as editors complete it:
    ``Vec<|>``.
    """
    rest = context.window.rest
    opened = _OPEN.search(context.window.before)
    if not rest.startswith(">") or opened is None:
        return None
    depth, lowest, at = 0, 0, 0
    for match in _ANGLE.finditer(text):
        if match.group(1):
            depth += 1 if match.group(1) == "<" else -1
            if depth == -1 and lowest == 0:
                at = match.start()
            lowest = min(lowest, depth)
    closing = len(rest) - len(rest.lstrip(">"))
    closed = min(-lowest, closing - opened.group().count("<") - depth)  # The rest closes what stays open first.
    return (at, closed) if lowest and closed > 0 else None
