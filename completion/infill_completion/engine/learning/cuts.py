"""Where cursors are and where the text that is missing there ends: half of the middles end where the syntax does."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_WORD_EDGE = re.compile(r"\b")
_PART_END = re.compile(r"[,;:)\]}{]")
_OPENING, _CLOSING = "([{", ")]}"


def rest_of_statement(text: str, at: int) -> int:
    """Return the first end of a line from ``at`` on where all brackets opened after ``at`` are closed again."""
    depth = 0
    for place in range(at, len(text)):
        sign = text[place]
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if sign == "\n" and depth <= 0:
            return place
    return line_end(text, at)


def rest_of_brackets(text: str, at: int) -> int:
    """Return the place of the bracket that closes what is open at ``at``, else the end of the line."""
    depth = 0
    for place in range(at, min(len(text), at + 500)):
        sign = text[place]
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if depth < 0:
            return place
    return line_end(text, at)


def rest_of_block(text: str, at: int) -> int:
    """Return the end of the last line from ``at`` on that is indented at least as much as the line of ``at``."""
    start = text.rfind("\n", 0, at) + 1
    indent = _indent(text[start : line_end(text, at)])
    stop = end = line_end(text, at)
    while end < len(text):
        following = line_end(text, end + 1)
        line = text[end + 1 : following]
        if line.strip():
            if _indent(line) < max(indent, 1):
                return stop
            stop = following
        end = following
    return line_end(text, at)  # The block may go on after the text.


def rest_of_part(text: str, at: int) -> int:
    """Return the place of the next sign in the line that separates or ends parts of an expression."""
    end = line_end(text, at)
    found = _PART_END.search(text, at + 1, end)
    return found.start() if found else end


def line_end(text: str, at: int) -> int:
    """Return where the line of ``at`` ends."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _lines(text: str, at: int, chance: random.Random) -> int:
    end = line_end(text, at)
    for _ in range(chance.randint(1, 5)):
        end = line_end(text, min(len(text), end + 1))
    return end


# How middles end, with the cumulative share of each: where the line does, where the syntax does, or anywhere.
_STOPS: tuple[tuple[float, Callable[[str, int, random.Random], int]], ...] = (
    (0.4, lambda text, at, _: line_end(text, at)),
    (0.53, lambda text, at, _: rest_of_statement(text, at)),
    (0.65, lambda text, at, _: rest_of_block(text, at)),
    (0.77, lambda text, at, _: rest_of_brackets(text, at)),
    (0.86, lambda text, at, _: rest_of_part(text, at)),
    (0.92, _lines),
    (0.96, lambda text, at, chance: min(line_end(text, at), at + chance.randint(1, 24))),
    (1.0, lambda text, at, chance: min(len(text), at + chance.randint(1, 300))),
)


def stop_of(text: str, at: int, chance: random.Random) -> int:
    """Return where the middle that begins at ``at`` ends."""
    kind = chance.random()
    return next(stop for share, stop in _STOPS if kind < share)(text, at, chance)


def column_of(line: str, chance: random.Random) -> int:
    """Return a column of ``line``: after its indentation, at a word edge or anywhere, a third each."""
    kind = chance.random()
    if kind < 1 / 3:
        return _indent(line)
    if kind < 2 / 3:
        return chance.choice([match.start() for match in _WORD_EDGE.finditer(line)] or [len(line)])
    return chance.randrange(len(line) + 1)
