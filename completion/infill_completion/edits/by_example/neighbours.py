"""The operators beside a change, and how tight they bind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from infill_completion.document.lines import line_start
from infill_completion.edits.by_example.operands import (
    MAX_OPERAND,
    PREFIXES,
    after_links,
    ends_operand,
    opens_or_links,
    operand_end,
    operand_start,
)
from infill_completion.edits.tokens import CLOSERS, DOTS, OPENERS, Lexeme, LexemeKind

OPERATORS = frozenset(
    {
        "+", "-", "*", "/", "%", "@", "**", "//", "&", "|", "^", "<<", ">>", "==", "!=", "===", "!==", "<", ">", "<=",
        ">=", "&&", "||", "??", "and", "or", "not", "is", "in", "instanceof", "if", "?",
    }
)  # fmt: skip
# How tight operators bind, where all languages agree; what is not here may bind in any way.
_LEVELS = {
    text: level
    for level, texts in enumerate(
        ("if", "or ||", "and &&", "not", "== != === !== < > <= >= is in instanceof", "+ -", "* / // % @", "**"), 1
    )
    for text in texts.split()
}
_LOOSEST, _TIGHTEST = 0, 9
# Of the same level, with the same meaning whichever of them is first.
_ANY_ORDER = frozenset({_LEVELS["or"], _LEVELS["and"]})
# Of the same level, the one on the left is first.
_LEFT_FIRST = _ANY_ORDER | {_LEVELS["+"], _LEVELS["*"]}
_INFIXES = frozenset({"as", "satisfies"})
# A condition between `if` or `?` and what follows it reaches from one to the other.
_BEFORE = (OPERATORS | PREFIXES | _INFIXES) - {"if", "?"}
_AFTER = OPERATORS | _INFIXES | DOTS | {"(", "[", "++", "--", "!"}
_SEPARATORS = frozenset({",", ";", "=", "=>"})


class Neighbours(NamedTuple):
    """The operators before and after a change, or after the operands that it is in.

    An operator that has no operand before it has a blank before it.
    """

    before: frozenset[str]
    after: frozenset[str]

    def __or__(self, other: Neighbours) -> Neighbours:
        """Return those of both."""
        return Neighbours(self.before | other.before, self.after | other.after)

    def bind_tighter(self, known: Neighbours, level: int) -> bool:
        """Return whether one that is not known too binds tighter than an operator of a level that comes in."""
        return _binds(self.before - known.before, level, _ANY_ORDER) or _binds(
            self.after - known.after, level, _LEFT_FIRST
        )


NO_NEIGHBOURS = Neighbours(frozenset(), frozenset())


def _binds(operators: Iterable[str], level: int, equals: frozenset[int]) -> bool:
    levels = {_LEVELS.get(text, _TIGHTEST) for text in operators}
    return any(each > level or (each == level and each not in equals) for each in levels)


def loosest(tokens: Sequence[Lexeme], before: Sequence[Lexeme]) -> int:
    """Return the level of the operator that binds least among tokens, outside of brackets; the tightest without one.

    Args:
        tokens: The tokens.
        before: Those before them, which tell whether the first one is between operands.
    """
    depth, level, follows = 0, _TIGHTEST, bool(before) and ends_operand(before[-1])
    for index, token in enumerate(tokens):
        if depth == 0 and token.text in OPERATORS and (index or follows or token.text == "not"):
            level = min(level, _LEVELS.get(token.text, _LOOSEST))
        if token.kind is LexemeKind.MARK:
            depth += (token.text in OPENERS) - (token.text in CLOSERS)
    return level


def neighbours(text: str, tokens: Sequence[Lexeme], low: int, high: int, new: Sequence[Lexeme]) -> Neighbours:
    """Return what is beside the tokens from ``low`` to ``high`` in ``text`` that others take the place of.

    Args:
        text: The text of the tokens.
        tokens: All tokens around the change.
        low: The index of the first token that is replaced.
        high: The index after the last one.
        new: The tokens that take their place.
    """
    before = [one for one in tokens[max(0, low - MAX_OPERAND) : low] if one.kind is not LexemeKind.COMMENT]
    after = [one for one in tokens[high : high + MAX_OPERAND] if one.kind is not LexemeKind.COMMENT]
    if not new:
        return NO_NEIGHBOURS
    return Neighbours(_before(text, before, tokens[low : low + 1], new[0]), _after(text, after, new[-1]))


def _before(text: str, tokens: Sequence[Lexeme], rest: Sequence[Lexeme], first: Lexeme) -> frozenset[str]:
    """Return the operator before a change that begins with ``first``, or before the operand that it is in."""
    if not tokens or first.text in _SEPARATORS:
        return frozenset()
    goes_on = first.text in OPERATORS | _INFIXES or opens_or_links(first)
    is_inside = tokens[-1].text in DOTS or (goes_on and ends_operand(tokens[-1]))
    at = operand_start(tokens, len(tokens)) if is_inside else len(tokens)
    if at and tokens[at - 1].text == ")":  # a type that the operand is cast to, if it is on its line
        following = [*tokens[at:], *rest][:1]
        return frozenset() if any(_begins_line(text, token) for token in following) else frozenset({")"})
    start = at
    while start and tokens[start - 1].text in _BEFORE and (start == at or _joined(tokens[start - 1], tokens[start])):
        start -= 1
    run = "".join(token.text for token in tokens[start:at])
    has_operand = start > 0 and ends_operand(tokens[start - 1])
    return frozenset({run if has_operand else f" {run}"} if run else ())


def _after(text: str, tokens: Sequence[Lexeme], last: Lexeme) -> frozenset[str]:
    """Return the operators after a change that ends with ``last``: at once, and after the rest of the operand."""
    if not tokens or last.text in _SEPARATORS:
        return frozenset()
    places = {0, after_links(tokens, 0)} if ends_operand(last) else {operand_end(tokens, 0)}
    return frozenset(run for at in places if (run := _run_after(text, tokens, at)))


def _run_after(text: str, tokens: Sequence[Lexeme], at: int) -> str:
    """Return the operator that begins at a token; empty if there is none, or if it begins the next statement."""
    if at >= len(tokens) or tokens[at].text not in _AFTER:
        return ""
    end = at + 1
    while end < len(tokens) and _joined(tokens[end - 1], tokens[end]):
        end += 1
    run = "".join(token.text for token in tokens[at:end])
    if _begins_line(text, tokens[at]) and run not in DOTS:
        # Where a line begins with an operator between operands, a blank is after it.
        has_blank = end < len(tokens) and tokens[end - 1].end < tokens[end].start
        return run if has_blank and run[0] not in "([" and run != "if" else ""
    return "not in" if run == "not" else run


def _joined(one: Lexeme, other: Lexeme) -> bool:
    """Return whether two tokens are parts of one operator, such as ``>>>``, or operators without a blank between."""
    return one.end == other.start and {one.text, other.text} <= OPERATORS


def _begins_line(text: str, token: Lexeme) -> bool:
    return not text[line_start(text, token.start) : token.start].strip()
