"""How much a place is like the example, apart from what the pattern says of it.

The thresholds were chosen on 1,800 commits of twelve repositories in seven languages, where the likeness of the lines
told right places from wrong ones better than their distance or the shape of their tokens did.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from infill_completion.document.lines import line_end, line_start
from infill_completion.edits.by_example.patterns import EditPattern, Match, PatternForm
from infill_completion.edits.tokens import Lexeme, LexemeKind

# Lines with more tokens around a match are like nothing.
_MAX_AROUND = 200
_ASSIGNS = frozenset({"=", ":="})
_DECLARES = frozenset({"var", "let", "const"})
_NEVER = 2.0
_ONE_EXAMPLE = {
    PatternForm.KEYWORD: 0.6,
    PatternForm.TEST: 0.0,
    PatternForm.ARGUMENT: 0.9,
    PatternForm.MEMBER: 0.75,
    PatternForm.MODULE: 0.8,
    PatternForm.TYPE: 0.0,
    PatternForm.EXPRESSION: 0.9,
    PatternForm.OTHER: _NEVER,
}
_MORE_EXAMPLES = {
    PatternForm.KEYWORD: 0.0,
    PatternForm.TEST: 0.0,
    PatternForm.ARGUMENT: 0.9,
    PatternForm.MEMBER: 0.8,
    PatternForm.MODULE: 0.5,
    PatternForm.TYPE: 0.65,
    PatternForm.EXPRESSION: 0.85,
    PatternForm.OTHER: 0.9,
}
# Where one example fits more places than these, it was right at less than six of ten of them.
_MOST_PLACES = {PatternForm.ARGUMENT: 2, PatternForm.MEMBER: 1, PatternForm.TYPE: 2, PatternForm.EXPRESSION: 2}
# Calls of a method are surer; where there were more, five of fifteen such proposals were wrong.
_MOST_CALLS = 9


def least_likeness(pattern: EditPattern) -> float:
    """Return how much a place must be like the example; more than 1 if no place is enough."""
    if pattern.examples > 1:
        return _NEVER if pattern.form is PatternForm.OTHER and pattern.has_holes else _MORE_EXAMPLES[pattern.form]
    # Less than six of ten of those were right, however like the example.
    if pattern.form is PatternForm.EXPRESSION and (not pattern.has_holes or "=" in pattern.old):
        return _NEVER
    if pattern.spans_lines or pattern.old[0] in _DECLARES:
        return _NEVER
    return _ONE_EXAMPLE[pattern.form]


def most_places(pattern: EditPattern) -> int | None:
    """Return how many places at most a pattern may fit; None if as many as there are.

    What is common was changed for a reason of its own, so that a second example is asked for.
    """
    if pattern.examples > 1:
        return None
    if pattern.form is PatternForm.MEMBER and pattern.old[-1] == "(":
        return _MOST_CALLS
    most = _MOST_PLACES.get(pattern.form)
    return 1 if most is not None and pattern.is_inserted else most


def likeness(pattern: EditPattern, around: Sequence[str]) -> float:
    """Return how much the tokens around a match are like those around the nearest example, from 0 to 1."""
    same = sum(isinstance(item, str) for item in pattern.old)
    if len(around) > _MAX_AROUND:
        return 0.0
    best = 0.0
    for other in pattern.around:
        matcher = SequenceMatcher(None, other, around, autojunk=False)
        equal = sum(block.size for block in matcher.get_matching_blocks())
        best = max(best, 2 * (equal + same) / (len(other) + len(around) + 2 * same))
    return best


def around(match: Match, text: str, tokens: Sequence[Lexeme]) -> list[str]:
    """Return the tokens of the lines of a match that are not in it."""
    start, end = line_start(text, tokens[match.first].start), line_end(text, tokens[match.last].end)
    low, high = match.first, match.last + 1
    while low > 0 and tokens[low - 1].start >= start:
        low -= 1
    while high < len(tokens) and tokens[high].end <= end:
        high += 1
    return context(tokens[low:high], match.first - low, match.last + 1 - low)


def context(tokens: Sequence[Lexeme], first: int, end: int) -> list[str]:
    """Return the texts of tokens before ``first`` and from ``end`` on; what is assigned to may have any name."""
    found = []
    for index, token in enumerate(tokens):
        if first <= index < end or token.kind is LexemeKind.COMMENT:
            continue
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        is_target = token.kind is LexemeKind.NAME and following in _ASSIGNS
        found.append("name" if is_target else token.text)
    return found
