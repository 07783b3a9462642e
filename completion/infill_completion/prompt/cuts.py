"""What of a text fits the token budget. Cuts move in steps, so that most keystrokes leave them in place."""

from __future__ import annotations

from collections.abc import Sequence

from infill_completion.prompt.encoding import EncodedText, Encoder, prefix_ids
from infill_completion.prompt.layout import flat


def fitting_context(items: list[list[int]], room: int) -> list[list[int]]:
    """Return the items that fit ``room`` tokens, from the first on; an item that does not fit is left out whole."""
    chosen: list[list[int]] = []
    for ids in items:
        if len(ids) <= room:
            chosen.append(ids)
            room -= len(ids)
    return chosen


def fitting_suffix(text: EncodedText, room: int, step: int, share: float) -> list[int]:
    """Return the start of the suffix: its share of the room, or all that the prefix leaves."""
    # In steps too: a suffix that gave way token by token would change the prompt's start at every keystroke.
    spare = room - _ceil(sum(map(len, text.before)) + step, step)
    return first_lines(text.after, min(max(int(room * share), spare), room))


def fitting_prefix(encoder: Encoder, text: EncodedText, room: int, step: int, *, first: bool) -> list[int]:
    """Return the end of the prefix, cut at the end of a line if possible; ``first`` if nothing precedes it."""
    start = first_fitting(text, room, step)
    return prefix_ids(encoder, text.lines[start:], text.before[start:], first=first)[-room:] if room > 0 else []


def first_fitting(text: EncodedText, room: int, step: int) -> int:
    """Return the first line of the prefix that is kept; the cursor's line is, even if it alone does not fit."""
    sizes = [len(ids) for ids in text.before]
    start = _first_kept(sizes, room, step)
    while start < len(sizes) - 1 and 1 + sum(sizes[start:]) > room:
        start += 1
    return start


def _first_kept(sizes: Sequence[int], room: int, step: int) -> int:
    """Return the first line to keep: as few whole steps of tokens as possible go, and the line they end in."""
    excess = sum(sizes) + 1 - room
    if excess <= 0:
        return 0
    drop = _ceil(excess, step)
    dropped = 0
    for index, size in enumerate(sizes[:-1]):
        if dropped >= drop:
            return index
        dropped += size
    return max(0, len(sizes) - 1)


def first_lines(lines: Sequence[Sequence[int]], room: int) -> list[int]:
    """Return the tokens of the first lines that fit whole; if not even one does, its first tokens."""
    kept: list[int] = []
    for ids in lines:
        if len(kept) + len(ids) > room:
            break
        kept += ids
    return kept or flat(lines[:1])[: max(0, room)]


def _ceil(value: int, step: int) -> int:
    return -(-value // step) * step
