"""Operands: a name, a literal or brackets, with the dots, calls and indexes that lead on from it."""

from __future__ import annotations

from collections.abc import Sequence

from infill_completion.edits.tokens import CLOSERS, DOTS, OPENERS, Lexeme, LexemeKind, partners
from infill_completion.edits.words import BEFORE_CALLS

# No operand is followed over more tokens.
MAX_OPERAND = 120
PREFIXES = frozenset(
    {"!", "~", "not", "await", "typeof", "void", "delete", "new", "sizeof", "++", "--", "+", "-", "*", "&", "<"}
)
_CALLS = frozenset({"(", "["})
_OTHERS = frozenset({"for", "from", "as", "with", "delete", "instanceof", "sizeof", "satisfies", "switch", "catch"})
_NO_OPERANDS = BEFORE_CALLS | _OTHERS


def ends_operand(token: Lexeme) -> bool:
    """Return whether a token is the last one of an operand."""
    if token.kind is LexemeKind.MARK:
        return token.text in CLOSERS
    return token.kind is not LexemeKind.COMMENT and token.text not in _NO_OPERANDS


def operand_start(tokens: Sequence[Lexeme], end: int) -> int:
    """Return the index of the first token of the operand that ends before ``end``.

    That is ``end`` itself if there is none. A dot at the end leads to what is before it.
    """
    low = max(0, end - MAX_OPERAND)
    tokens = tokens[low:end]
    pairs, at = partners(tokens), len(tokens)
    while at:
        at -= tokens[at - 1].text in DOTS
        at = start = _part_start(tokens, pairs, at)
        if not (start and tokens[start - 1].text in DOTS):
            break
    return low + at


def _part_start(tokens: Sequence[Lexeme], pairs: dict[int, int], end: int) -> int:
    """Return where a name, a literal or a call that ends before ``end`` begins."""
    at = end
    while at and ends_operand(tokens[at - 1]):
        at -= 1
        if tokens[at].text not in CLOSERS or at not in pairs:
            break
        at = pairs[at]  # what is called or indexed may be before it
        if tokens[at].text not in _CALLS:
            break
    return at


def operand_end(tokens: Sequence[Lexeme], at: int) -> int:
    """Return the index after the operand that begins at ``at``, with what is before it, as ``-`` or ``await``."""
    while at < len(tokens) and tokens[at].text in PREFIXES:
        at += 1
    pairs = partners(tokens[at : at + MAX_OPERAND])
    closer = pairs.get(0)
    return after_links(tokens, at + 1 if closer is None else at + closer + 1)


def after_links(tokens: Sequence[Lexeme], at: int) -> int:
    """Return the index after the dots, calls and indexes from ``at`` on."""
    pairs, low = partners(tokens[at : at + MAX_OPERAND]), at
    while at < len(tokens):
        if tokens[at].text in DOTS:
            at += 2
        elif tokens[at].text in _CALLS and at - low in pairs:
            at = low + pairs[at - low] + 1
        else:
            break
    return min(at, len(tokens))


def opens_or_links(token: Lexeme) -> bool:
    """Return whether a token continues an operand that is before it."""
    return token.text in DOTS or token.text in OPENERS
