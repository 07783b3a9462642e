"""Where Zeta 2.1's numbered markers stand: at the start of a text, between its blocks of lines, and at its end."""

from __future__ import annotations

from itertools import accumulate

_LEAST_LINES, _MOST_LINES = 6, 16
# How many lines a border may move down to a line that begins something.
_MOST_MOVED = 5
_TAILS = frozenset({"break", "continue", "return", "throw", "end"})


def boundaries(text: str) -> list[int]:
    """Return the offsets of the markers, at least two.

    A block has at least six lines, and ends after a blank line or else after sixteen lines; the next one begins with
    a line that neither is blank nor closes anything, if one is near.
    """
    if not text:
        return [0, 0]
    lines = text.removesuffix("\n").split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    places, last, line = [0], 0, 0
    while line < len(lines):
        target = _border(lines, last, line)
        if target is None:
            line += 1
        else:
            places.append(starts[target])
            last, line = target, target + 1
    return [*places, len(text)]


def _border(lines: list[str], last: int, line: int) -> int | None:
    """Return at which line a block begins if one may begin at ``line``, after the one that begins at ``last``."""
    is_after_gap = line > 0 and lines[line].strip() and not lines[line - 1].strip()
    if line - last >= _LEAST_LINES and is_after_gap:
        target = _good_start(lines, line)
        if len(lines) - target >= _LEAST_LINES:
            return target
    return _good_start(lines, line) if line - last >= _MOST_LINES else None


def _good_start(lines: list[str], line: int) -> int:
    near = range(line, min(len(lines), line + _MOST_MOVED))
    return next((at for at in near if _begins(lines[at].strip())), line)


def _begins(line: str) -> bool:
    return bool(line) and line[0] not in "}])" and line.removesuffix(";") not in _TAILS
