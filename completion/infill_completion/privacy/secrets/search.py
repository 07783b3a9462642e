"""All secrets of a text.

A text is searched at every key and differs little from the one before. What does not depend on other lines is therefore
searched line by line and remembered, for each line and for blocks of lines; the result is that of a search of the whole
text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from infill_completion.privacy.secrets.assigned import PART, Name, names, values
from infill_completion.privacy.secrets.issued import ISSUED
from infill_completion.privacy.secrets.notation import Notation, lowered
from infill_completion.privacy.secrets.pem import private_keys
from infill_completion.privacy.secrets.phrases import PHRASES
from infill_completion.privacy.secrets.stated import STATED
from infill_completion.privacy.secrets.written import WRITTEN

# A secret that several notations find is named after the first of these; values with telltale names come before parts.
_NOTATIONS: tuple[Notation, ...] = (*ISSUED, PART, *WRITTEN, *STATED, *PHRASES)
_VALUES_RANK = len(ISSUED)
_HINTS = tuple((hint, 1 << index) for index, notation in enumerate(_NOTATIONS) for hint in notation.hints)
# Characters of a block: it ends with the first empty line after the minimum, or with the first line after the maximum.
_MIN_BLOCK, _MAX_BLOCK = 256, 1024
# Blocks and lines remembered: several files of a usual context.
_MAX_BLOCKS, _MAX_LINES = 2048, 16_384

Found = tuple[int, int, str]


def secrets(text: str, first: int, last: int) -> list[Found]:
    """Return start, end and kind of the secrets in the lines from ``first`` to ``last``, and of all private keys.

    A secret may be found several times; the first kind is then the most specific one.
    """
    lines = text[first:last]
    blocks = list(_blocks(lines))
    hinted = 0
    for _, block in blocks:
        hinted |= _hinted(block)
    found: list[tuple[int, int, int, str]] = []
    for start, block in blocks:
        for left, right, index in _in_block(block, hinted):
            found.append((_rank(index), left + start, right + start, _NOTATIONS[index].kind))
    for index, notation in enumerate(_NOTATIONS):
        if notation.spans_lines and hinted >> index & 1:
            found += [(_rank(index), left, right, notation.kind) for left, right in notation.spans(lines)]
    named = (
        Name(name.start + start, name.end + start, name.is_password)
        for start, block in blocks
        for name in _names(block)
    )
    found += [(_VALUES_RANK, left, right, kind) for left, right, kind in values(lines, named)]
    found.sort(key=lambda secret: secret[0])
    return [*private_keys(text), *((left + first, right + first, kind) for _, left, right, kind in found)]


def _rank(index: int) -> int:
    return index if index < _VALUES_RANK else index + 1


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of blocks of whole lines, each with the line ends before and after it."""
    start = 0
    while start < len(text):
        end = text.find("\n\n", start + _MIN_BLOCK, start + _MAX_BLOCK)
        if end < 0:
            end = text.find("\n", start + _MAX_BLOCK)
        if end < 0:
            end = len(text)
        begin = max(start - 1, 0)
        yield begin, text[begin : end + 1]
        start = end + 1


@lru_cache(maxsize=_MAX_BLOCKS)
def _hinted(block: str) -> int:
    """Return which notations have a hint in ``block``, one bit each; no hint has a line end."""
    hinted = 0
    for line in block.split("\n"):
        hinted |= _hinted_in_line(line)
    return hinted


@lru_cache(maxsize=_MAX_LINES)
def _hinted_in_line(line: str) -> int:
    low, hinted = lowered(line), 0
    for hint, bit in _HINTS:
        if hint in low:
            hinted |= bit
    return hinted


@lru_cache(maxsize=_MAX_BLOCKS)
def _in_block(block: str, hinted: int) -> tuple[tuple[int, int, int], ...]:
    """Return start, end and notation of the secrets in ``block`` that lie on one line.

    The hints are those of the whole text, because some notations do not contain their hint.
    """
    return tuple(
        (left + start, right + start, index)
        for start, line in _lines(block)
        for left, right, index in _in_line(line, hinted)
    )


@lru_cache(maxsize=_MAX_LINES)
def _in_line(line: str, hinted: int) -> tuple[tuple[int, int, int], ...]:
    """Return start, end and notation of the secrets in a line; ``line`` has the line ends before and after it."""
    return tuple(
        (left, right, index)
        for index, notation in enumerate(_NOTATIONS)
        if hinted >> index & 1 and not notation.spans_lines
        for left, right in notation.spans(line)
    )


def _lines(block: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of the lines of ``block``, each with the line ends before and after it."""
    start = 0
    while start < len(block):
        end = block.find("\n", start)
        if end < 0:
            end = len(block)
        begin = max(start - 1, 0)
        if end > start:
            yield begin, block[begin : end + 1]
        start = end + 1


@lru_cache(maxsize=_MAX_BLOCKS)
def _names(block: str) -> tuple[Name, ...]:
    return tuple(names(lowered(block)))
