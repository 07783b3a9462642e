"""How much around a change belongs to its pattern."""

from __future__ import annotations

from infill_completion.edits.by_example.examples import Example
from infill_completion.edits.by_example.patterns import PatternForm, is_simple
from infill_completion.edits.tokens import DOTS, Lexeme, LexemeKind, partners
from infill_completion.edits.words import BEFORE_CALLS, CONSTANTS, DEFINES, KEYWORDS, SAME_TESTS, SELVES


def is_keyword_argument(example: Example) -> bool:
    """Return whether what changed is the name of a keyword argument."""
    texts = [token.text for token in example.before]
    end = len(texts) - example.same
    return end == example.first + 1 and texts[end : end + 1] == ["="] and end > 1 and texts[end - 2] in {"(", ","}


def call_region(example: Example) -> tuple[int, int] | None:
    """Return the region of the call in whose arguments the change is, as tokens before and after it."""
    region = balanced(example, example.first, example.same)
    if region is None:
        return None
    low, same = region
    tokens, pairs = example.before, partners(example.before)
    end = len(tokens) - same
    opener = next((index for index in range(low - 1, 0, -1) if pairs.get(index, -1) >= end), None)
    if opener is None or tokens[opener].text != "(" or not is_name(tokens[opener - 1]):
        return None
    start = opener - 1
    before = tokens[start - 1] if start else None
    if before is not None and before.text in DOTS:
        start -= 1
        if start and tokens[start - 1].kind is LexemeKind.NAME:
            start -= 1
    elif before is not None and before.kind is LexemeKind.NAME and before.text not in BEFORE_CALLS:
        return None  # the definition of a function
    elif before is not None and before.text in {"*", "&", ">", "~", "@"}:
        return None
    return start, len(tokens) - pairs[opener] - 1


def balanced(example: Example, low: int, same: int) -> tuple[int, int] | None:
    """Return the smallest region around the change whose brackets are all closed in it; None if there is none."""
    sides = [(example.before, partners(example.before)), (example.after, partners(example.after))]
    while True:
        wanted = low, same
        for tokens, pairs in sides:
            for index in range(low, len(tokens) - same):
                if tokens[index].kind is not LexemeKind.MARK or tokens[index].text not in "()[]{}":
                    continue
                if index not in pairs:
                    return None
                low, same = min(low, pairs[index]), min(same, len(tokens) - 1 - pairs[index])
        if (low, same) == wanted:
            return low, same


def with_context(example: Example, low: int, same: int) -> tuple[int, int, PatternForm]:
    """Widen a region by tokens that must be around it, and return what kind of change it is then."""
    tokens = example.before
    end = len(tokens) - same
    old, new = tokens[low:end], example.after[low : len(example.after) - same]
    left, right = tokens[max(low - 2, 0) : low], tokens[end : end + 2]
    if len(old) == 1 and len(new) == 1 and old[0].kind is new[0].kind is LexemeKind.NAME:
        around = _around_name(old[0], left, right)
        if around is not None:
            return low - around[0], same - around[1], around[2]
        return low - len(left), same - len(right[:1]), PatternForm.OTHER
    is_definition = bool(left) and left[-1].text in DEFINES
    if is_definition or any(token.text in DEFINES for token in new):
        return low - len(left), same - len(right[:1]), PatternForm.OTHER
    if new and any(is_name(token) and len(token.text) > 2 for token in old):
        is_callee = _is_path(old) and _is_path(new) and bool(right) and right[0].text == "("
        return low, same - is_callee, PatternForm.MEMBER if is_callee else PatternForm.EXPRESSION
    operators = " ".join(token.text for token in old), " ".join(token.text for token in new)
    if right and right[0].text in CONSTANTS and operators in SAME_TESTS:
        return low, same - 1, PatternForm.TEST
    return low - len(left), same - len(right[:1]), PatternForm.OTHER


def _is_path(tokens: list[Lexeme]) -> bool:
    """Return whether tokens are a name, or what is reached from one by dots, calls and indexes."""
    is_end_name = tokens[-1].kind is LexemeKind.NAME
    return is_end_name and is_simple(tokens) and not any(token.text in KEYWORDS - SELVES for token in tokens)


def _around_name(name: Lexeme, left: list[Lexeme], right: list[Lexeme]) -> tuple[int, int, PatternForm] | None:
    """Return how many tokens before and after a changed name make it specific; None if none do.

    That is a member with its receiver, a type with what has it, and a module with what is taken from it.
    """
    if len(left) == 2 and left[1].text in DOTS and left[0].kind is LexemeKind.NAME:
        return 2, int(bool(right) and right[0].text == "("), PatternForm.MEMBER
    if len(left) == 2 and left[1].text == ":" and is_name(left[0]):
        return 2, 0, PatternForm.TYPE
    if right and is_name(right[0]) and not (left and left[-1].text in DEFINES):
        return 0, 1, PatternForm.TYPE
    is_module = len(right) == 2 and right[0].text in DOTS and right[1].kind is LexemeKind.NAME
    return (0, 2, PatternForm.MODULE) if is_module and len(name.text) > 1 else None


def is_literal(token: Lexeme) -> bool:
    """Return whether a token is a value of its own: a number, a string, or a word such as ``None``."""
    return token.kind in {LexemeKind.NUMBER, LexemeKind.STRING} or token.text in CONSTANTS


def is_name(token: Lexeme) -> bool:
    """Return whether a token names something of the user's."""
    return token.kind is LexemeKind.NAME and token.text not in KEYWORDS
