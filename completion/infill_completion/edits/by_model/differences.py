"""From old and new lines to edits of a document: the smallest replacements, whole words, one for each place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from infill_completion.document.lines import line_ending_of
from infill_completion.edits.proposal import Place

# Lines in the same place are one another's, before and after, if they are so much alike.
_ALIKE = 0.5


def changed_places(text: str, first: int, old: Sequence[str], new: Sequence[str]) -> list[Place]:
    """Return the replacements that make new lines of the old ones, from top to bottom.

    Args:
        text: The document with its own line ends.
        first: Where the first of the old lines begins, as an offset in it.
        old: The lines there, with their line ends; the last one may have none.
        new: The lines that take their place, without line ends.
    """
    ending = line_ending_of(text)
    bare = [line.rstrip("\r\n") for line in old]
    starts = [first]
    for line in old:
        starts.append(starts[-1] + len(line))
    places = []
    for top, end, rows in _hunks(bare, new):
        start, stop = starts[top], starts[end]
        if top == end:
            places.append(_inserted(text, start, rows, ending))
        elif not rows:
            places.append(_removed(text, start, stop))
        else:
            here = text[start : start + sum(map(len, old[top:end])) - len(old[end - 1]) + len(bare[end - 1])]
            places.append(_smallest(here, start, ending.join(rows)))
    return places


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the changed lines: first and last (excluded) of the old ones, and the new ones."""
    for tag, top, end, start, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        rows = list(new[start:stop])
        if end - top == len(rows) > 1 and all(map(_are_alike, old[top:end], rows)):
            yield from ((top + at, top + at + 1, [row]) for at, row in enumerate(rows) if row != old[top + at])
        else:
            yield top, end, rows


def _are_alike(old: str, new: str) -> bool:
    return SequenceMatcher(None, old, new, autojunk=False).quick_ratio() >= _ALIKE


def _inserted(text: str, at: int, rows: Sequence[str], ending: str) -> Place:
    """Return the insertion of lines before the line that begins at ``at``, or after the last one without a line end."""
    lines = ending.join(rows)
    is_after_end = at == len(text) and at > 0 and text[at - 1] not in "\r\n"
    return at, at, ending + lines if is_after_end else lines + ending


def _removed(text: str, start: int, end: int) -> Place:
    """Return the removal of lines; of the last ones, the line end before them goes."""
    if end == len(text) and text[end - 1 : end] not in {"\n", "\r"}:
        start -= 2 if text[:start].endswith("\r\n") else min(1, start)
    return start, end, ""


def _smallest(old: str, start: int, new: str) -> Place:
    """Return the replacement of the part of ``old`` that differs, to whole words, so that it can be read."""
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
    while head and _is_in_word(old, head) | _is_in_word(new, head):
        head -= 1
    while tail and _is_in_word(old, len(old) - tail) | _is_in_word(new, len(new) - tail):
        tail -= 1
    return start + head, start + len(old) - tail, new[head : len(new) - tail]


def _is_in_word(text: str, at: int) -> bool:
    """Return whether ``at`` divides a word, or a line end."""
    pair = text[at - 1 : at + 1]
    return len(pair) == 2 and (all(map(_is_word, pair)) or pair == "\r\n")


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
