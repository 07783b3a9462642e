"""Patterns: a change that the user made, with holes where other places may have other code.

A pattern is a sequence of tokens and holes. A hole stands for a balanced run of tokens. The same holes stand in the
text that replaces a match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from infill_completion.edits.by_example.neighbours import NO_NEIGHBOURS, Neighbours
from infill_completion.edits.tokens import CLOSERS, DOTS, OPENERS, Lexeme, LexemeKind

# From this number on, a hole stands for what two examples differ in.
FIRST_VARYING = 100
# The most tokens that a hole stands for.
MAX_HOLE_TOKENS = 120
_SEPARATORS = frozenset({",", ";"})
# What may stand in a hole that moves from between brackets or commas to where operators are.
_TIGHT = frozenset({".", "::", "->", "?."})


class PatternForm(Enum):
    """What a change does, as far as that tells how sure it is to be due elsewhere."""

    ARGUMENT = "argument"
    KEYWORD = "keyword argument"
    MEMBER = "member"
    TYPE = "type"
    MODULE = "module"
    TEST = "test"
    EXPRESSION = "expression"
    OTHER = "other"


@dataclass(frozen=True)
class PatternHole:
    """A place in a pattern where any expression may stand."""

    number: int


@dataclass(frozen=True)
class EditPattern:
    """What is searched, and what replaces it.

    Attributes:
        old: The tokens and holes that are searched.
        new: Texts and holes that replace what is found.
        old_span: Which part of ``old`` is replaced; the tokens before and after it must only be there.
        loose: The holes that stand between operators in ``new``; only a simple expression fits there.
        examples: The number of examples it was made of.
        blanks: Whether the blanks before and after what is replaced are replaced too: where tokens are only inserted or
            removed, and where the change has others.
        form: What the change does.
        around: The other tokens of the lines of each example.
        spans_lines: Whether what is searched is on several lines.
        is_member: Whether a dot is before it; None if there may be one or not.
        quoted: The holes that stand in quotes or after a dot in ``new``; only a name fits there.
        beside: The operators before and after the examples.
        literals: The holes that stand for one literal in the example.
    """

    old: tuple[str | PatternHole, ...]
    new: tuple[str | PatternHole, ...]
    old_span: tuple[int, int]
    loose: frozenset[int] = frozenset()
    examples: int = 1
    blanks: tuple[bool, bool] = (False, False)
    form: PatternForm = PatternForm.OTHER
    around: tuple[tuple[str, ...], ...] = ()
    spans_lines: bool = False
    is_member: bool | None = None
    quoted: frozenset[int] = frozenset()
    beside: Neighbours = NO_NEIGHBOURS
    literals: frozenset[int] = frozenset()

    @property
    def anchor(self) -> str:
        """The longest name of the pattern, which every match contains; empty if there is none."""
        names = [item for item in self.old if isinstance(item, str) and (item[0].isalpha() or item[0] == "_")]
        return max(names, key=len, default="")

    @property
    def is_inserted(self) -> bool:
        """Whether nothing is replaced."""
        first, last = self.old_span
        return first == last

    @property
    def has_holes(self) -> bool:
        """Whether other places may have other code somewhere."""
        return any(isinstance(item, PatternHole) for item in self.old)

    @property
    def drops_what_varies(self) -> bool:
        """Whether two examples dropped different things, so that nobody knows what else may be dropped."""
        kept = {item.number for item in self.new if isinstance(item, PatternHole)}
        return any(
            isinstance(item, PatternHole) and item.number >= FIRST_VARYING and item.number not in kept
            for item in self.old[slice(*self.old_span)]
        )

    def __str__(self) -> str:
        """Return the pattern to read: what is searched, and what replaces the part that changes."""
        first, last = self.old_span
        old = [item if isinstance(item, str) else f"‹{item.number}›" for item in self.old]
        new = "".join(item if isinstance(item, str) else f"‹{item.number}›" for item in self.new)
        return " ".join([*old[:first], f"[{' '.join(old[first:last])} ⟶ {new}]", *old[last:]])


@dataclass(frozen=True)
class Match:
    """A place that a pattern fits.

    Attributes:
        start: Where the match begins.
        end: Where it ends.
        text: What replaces it.
        first: The index of its first token.
        last: The index of its last token.
    """

    start: int
    end: int
    text: str
    first: int
    last: int


def matches(pattern: EditPattern, text: str, tokens: Sequence[Lexeme]) -> Iterator[Match]:
    """Return the places in ``text`` that ``pattern`` fits, from top to bottom; they do not overlap.

    Args:
        pattern: The pattern.
        text: The document.
        tokens: All tokens of the document.
    """
    at = 0
    while at < len(tokens):
        first = pattern.old[0]
        if isinstance(first, str) and (tokens[at].text != first or not _is_reached_as(pattern, tokens, at)):
            at += 1
            continue
        found = _match_at(pattern, text, tokens, at)
        if found is None:
            at += 1
        else:
            yield found
            at = max(found.last, at) + 1


def _is_reached_as(pattern: EditPattern, tokens: Sequence[Lexeme], at: int) -> bool:
    """Return whether a token has a dot before it if the first one of the examples had, so that it may be the same."""
    if pattern.is_member is None or tokens[at].kind is not LexemeKind.NAME:
        return True
    return pattern.is_member == (at > 0 and tokens[at - 1].text in DOTS)


def _match_at(pattern: EditPattern, text: str, tokens: Sequence[Lexeme], at: int) -> Match | None:
    spans: dict[int, tuple[int, int]] = {}
    limits: list[int] = []  # the index of the token at which each item of the pattern begins
    for index, item in enumerate(pattern.old):
        limits.append(at)
        if isinstance(item, str):
            if at >= len(tokens) or tokens[at].text != item or tokens[at].kind is LexemeKind.COMMENT:
                return None
            at += 1
            continue
        following = pattern.old[index + 1] if index + 1 < len(pattern.old) else None
        end = _end_of_hole(tokens, at, following)
        if end is None or (item.number in spans and not _same(tokens, spans[item.number], (at, end))):
            return None
        if not _fits(pattern, item, tokens[at:end]):
            return None
        spans[item.number] = at, end
        at = end
    limits.append(at)
    first, last = pattern.old_span
    low, high = limits[first], limits[last]
    if (pattern.blanks[0] and low == 0) or (pattern.blanks[1] and high >= len(tokens)):
        return None
    start = tokens[low - 1].end if pattern.blanks[0] else tokens[low].start
    end_offset = tokens[high].start if pattern.blanks[1] else tokens[high - 1].end
    around = text[start : tokens[low].start] + text[tokens[high - 1].end : end_offset]
    if "\n" in around or "\r" in around:
        return None
    return Match(start, end_offset, _filled(pattern, text, tokens, spans), limits[0], at - 1)


def _fits(pattern: EditPattern, hole: PatternHole, tokens: Sequence[Lexeme]) -> bool:
    """Return whether tokens may stand where the replacement has the hole.

    In quotes and after a dot that is a name; between operators it is nothing with operators of its own, and beside
    an operand that comes in no literal in the place of a name, nor one that comes in too.
    """
    if hole.number in pattern.quoted:
        return len(tokens) == 1 and tokens[0].kind is LexemeKind.NAME
    if hole.number not in pattern.loose:
        return True
    return is_simple(tokens) and not (pattern.is_inserted and _is_other_literal(pattern, hole, tokens))


def _is_other_literal(pattern: EditPattern, hole: PatternHole, tokens: Sequence[Lexeme]) -> bool:
    """Return whether a literal stands where the example has a name, or is a string that comes in beside it."""
    if len(tokens) != 1 or tokens[0].kind not in {LexemeKind.NUMBER, LexemeKind.STRING}:
        return False
    is_string = tokens[0].kind is LexemeKind.STRING
    if is_string and any(isinstance(item, str) and tokens[0].text in item for item in pattern.new):
        return True
    return hole.number < FIRST_VARYING and hole.number not in pattern.literals


def _end_of_hole(tokens: Sequence[Lexeme], at: int, following: str | PatternHole | None) -> int | None:
    """Return the index after the balanced run of tokens from ``at`` up to ``following``; None if there is none."""
    depth = 0
    for index in range(at, min(at + MAX_HOLE_TOKENS, len(tokens))):
        token = tokens[index]
        if token.kind is LexemeKind.COMMENT:
            return None
        if depth == 0 and token.kind is LexemeKind.MARK and token.text in _SEPARATORS | CLOSERS:
            return index if index > at and token.text == following else None
        if depth == 0 and index > at and token.text == following:
            return index
        if depth == 0 and token.text == "=":
            return None  # A keyword argument is not like a positional one.
        if token.kind is LexemeKind.MARK:
            depth += (token.text in OPENERS) - (token.text in CLOSERS)
        if following is None and depth == 0:
            return index + 1  # At the end of a pattern a hole is one token or one pair of brackets.
    return None


def is_simple(tokens: Sequence[Lexeme]) -> bool:
    """Return whether tokens are a name, a literal, or what is reached from one by dots, calls and indexes."""
    depth = 0
    was_operand = False
    for token in tokens:
        if token.kind is LexemeKind.MARK:
            if token.text in OPENERS:
                if depth == 0 and not was_operand and len(tokens) > 2 and token.text == "{":
                    return False
                depth += 1
            elif token.text in CLOSERS:
                depth -= 1
                was_operand = True
            elif depth == 0:
                if token.text not in _TIGHT:
                    return False
                was_operand = False
        elif depth == 0:
            if was_operand:  # two words in a row, as in `not x` or `await x`
                return False
            was_operand = True
    return depth == 0


def _same(tokens: Sequence[Lexeme], one: tuple[int, int], other: tuple[int, int]) -> bool:
    first, second = tokens[slice(*one)], tokens[slice(*other)]
    return [token.text for token in first] == [token.text for token in second]


def _filled(pattern: EditPattern, text: str, tokens: Sequence[Lexeme], spans: Mapping[int, tuple[int, int]]) -> str:
    pieces = []
    for item in pattern.new:
        if isinstance(item, str):
            pieces.append(item)
        else:
            first, end = spans[item.number]
            pieces.append(text[tokens[first].start : tokens[end - 1].end])
    return "".join(pieces)
