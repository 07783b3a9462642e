"""The items of a pattern in the making: texts of tokens, and holes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from infill_completion.edits.by_example.patterns import PatternHole
from infill_completion.edits.tokens import DOTS
from infill_completion.edits.words import CONSTANTS

_QUOTES = ('"', "'", "`")
Item = str | PatternHole


def exchanges_literals(old: Sequence[Item], new: Sequence[Item]) -> bool:
    """Return whether a literal goes and another one comes: of two places where that is so, one was right."""
    one, other = ({item for item in items if isinstance(item, str) and _is_literal(item)} for items in (old, new))
    return bool(one - other) and bool(other - one)


def _is_literal(text: str) -> bool:
    """Return whether a token is a value; a quote alone stands beside a hole."""
    return text in CONSTANTS or text[0].isdigit() or (len(text) > 1 and text.endswith(_QUOTES))


def members_of(items: Sequence[Item]) -> frozenset[int]:
    """Return the numbers of the holes that stand after a dot."""
    return frozenset(
        item.number for before, item in pairwise(items) if before in DOTS and isinstance(item, PatternHole)
    )


def joined(pieces: list[Item]) -> tuple[Item, ...]:
    """Return the pieces with neighbouring texts as one."""
    joined: list[Item] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece)
    return tuple(joined)
