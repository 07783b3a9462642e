"""Edit by example: a pattern made of one or two changes that the user made.

What is the same before and after a change, and stands alone between brackets or commas, becomes a hole; what two
examples differ in becomes one as well (anti-unification over tokens). Everything else must be the same elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from infill_completion.edits.by_example.examples import Example
from infill_completion.edits.by_example.items import Item, exchanges_literals, joined, members_of
from infill_completion.edits.by_example.likeness import context
from infill_completion.edits.by_example.neighbours import Neighbours, neighbours
from infill_completion.edits.by_example.patterns import FIRST_VARYING, EditPattern, PatternForm, PatternHole
from infill_completion.edits.by_example.regions import (
    balanced,
    call_region,
    is_keyword_argument,
    is_literal,
    is_name,
    with_context,
)
from infill_completion.edits.tokens import DOTS, Lexeme, LexemeKind, partners
from infill_completion.edits.words import CONSTANTS

# A change in more tokens is no example: what its sides share takes the square of them to find.
MAX_TOKENS = 120
_LEFT_EDGES = frozenset({"(", "[", "{", ",", "=", ":", "return", "=>"})
_RIGHT_EDGES = frozenset({")", "]", "}", ",", ";"})


@dataclass
class Draft:
    """A pattern in the making.

    Attributes:
        old: What is searched.
        new: What it becomes: each token or hole with the blanks before it.
        loose: The holes that stand between operators in ``new``.
        trail: The blanks after the last token of ``new``.
        form: What the change does.
        around: The other tokens of the lines of each example.
        gaps: The blanks before each item of ``old``, and after the last one.
        quoted: The holes that stand in quotes in ``new``; only a name fits there.
        literals: The holes that stand for one literal in the example.
        is_member: Whether a dot is before it; None if it was so in one example only.
        beside: The operators before and after the examples.
    """

    old: list[Item]
    new: list[tuple[str, Item]]
    loose: set[int]
    trail: str
    form: PatternForm
    around: tuple[tuple[str, ...], ...]
    gaps: list[str]
    quoted: frozenset[int]
    literals: frozenset[int]
    is_member: bool | None
    beside: Neighbours

    def pattern(self, examples: int = 1) -> EditPattern | None:
        """Return the finished pattern; None if it replaces nothing or spans lines."""
        new = [item for _, item in self.new]
        most = min(len(self.old), len(new))
        first = next((index for index in range(most) if self.old[index] != new[index]), most)
        same = next((count for count in range(most - first) if self.old[-1 - count] != new[-1 - count]), most - first)
        span, changed = (first, len(self.old) - same), self.new[first : len(new) - same]
        is_inner = span[0] > 0 and span[1] < len(self.old)
        replaces = span[0] != span[1] and bool(changed)
        if not replaces and not is_inner:
            return None
        # What follows the last changed token, before and after the change.
        before, after = self.gaps[span[1]], self.new[len(new) - same][0] if same else self.trail
        blanks = (not replaces or self.gaps[first] != changed[0][0], not replaces or before != after)
        pieces: list[Item] = []
        for index, (gap, item) in enumerate(changed):
            pieces += [gap, item] if index or blanks[0] else [item]
        pieces += [after] if blanks[1] else []
        inner, loose = joined(pieces), frozenset(self.loose)
        spans_lines = any("\n" in gap for gap in self.gaps[1:-1])
        pattern = EditPattern(
            tuple(self.old), inner, span, loose, examples, blanks, self.form, self.around, spans_lines, self.is_member,
            self.quoted | members_of(new), self.beside, self.literals,
        )  # fmt: skip
        if pattern.drops_what_varies or not pattern.anchor:
            return None
        sides = self.old[slice(*span)], [item for _, item in changed]
        if examples == 1 and (self._sorts(*sides) or exchanges_literals(*sides)):
            return None
        return None if any(isinstance(item, str) and "\n" in item for item in pattern.new) else pattern

    def _sorts(self, old: Sequence[Item], new: Sequence[Item]) -> bool:
        """Return whether literals change places, as in a list that is sorted."""
        holes = [[item.number for item in items if isinstance(item, PatternHole)] for items in (old, new)]
        one, other = (
            [number for number in these if number in self.literals and number in those]
            for these, those in (holes, holes[::-1])
        )
        return one != other


def draft_of(example: Example) -> Draft | None:
    """Return the draft of a pattern made of one example; None if nothing can be learnt from it."""
    # A name that changed is no longer the same variable, whatever it was an argument of.
    is_keyword = is_keyword_argument(example)
    region = call_region(example) if example.renamed is None or is_keyword else None
    form = PatternForm.KEYWORD if is_keyword else PatternForm.ARGUMENT
    if example.old and all(map(is_literal, [*example.old, *example.new])):
        form = PatternForm.OTHER  # What is true of one number is often not true of the next.
    if example.new and any(map(is_literal, example.old)) and not any(map(is_literal, example.new)):
        return None  # Whether the same number or string means the same elsewhere is right less than half of the time.
    low, high_same = region or balanced(example, example.first, example.same) or (-1, -1)
    if low < 0:
        return None
    if region is None:
        is_literal_change = form is PatternForm.OTHER
        low, high_same, form = with_context(example, low, high_same)
        form = PatternForm.OTHER if is_literal_change else form
        if example.renamed and form is PatternForm.OTHER:
            return None
    old, new = (
        example.before[low : len(example.before) - high_same],
        example.after[low : len(example.after) - high_same],
    )
    if not old or max(len(old), len(new)) > MAX_TOKENS:
        return None
    around = tuple(context(example.before, low, len(example.before) - high_same))
    return _drafted(example, old, new, form, around)


def unified(one: Draft, other: Draft) -> Draft | None:
    """Return what two drafts have in common; None if they are different kinds of changes."""
    if len(one.old) != len(other.old) or len(one.new) != len(other.new):
        return None
    holes: dict[tuple[Item, Item], PatternHole] = {}
    old: list[Item] = []
    for first, second in zip(one.old, other.old, strict=True):
        if first == second:
            old.append(first)
            continue
        if not (_may_differ(first) and _may_differ(second)):
            return None
        holes.setdefault((first, second), PatternHole(FIRST_VARYING + len(holes)))
        old.append(holes[first, second])
    new: list[tuple[str, Item]] = []
    for (gap, first), (_, second) in zip(one.new, other.new, strict=True):
        if first == second:
            new.append((gap, first))
        elif (first, second) in holes:
            new.append((gap, holes[first, second]))
        else:
            return None
    draft = replace(
        one, old=old, new=new, loose=one.loose | other.loose, around=one.around + other.around, gaps=[*one.gaps],
        beside=one.beside | other.beside,
    )  # fmt: skip
    draft.is_member = one.is_member if one.is_member == other.is_member else None
    while draft.old and draft.new and _is_idle(draft, draft.old[0]) and draft.new[0][1] == draft.old[0]:
        del draft.old[0], draft.new[0], draft.gaps[0]
        draft.is_member = None
    while draft.old and draft.new and _is_idle(draft, draft.old[-1]) and draft.new[-1][1] == draft.old[-1]:
        draft.trail = draft.new[-1][0]
        del draft.old[-1], draft.new[-1], draft.gaps[-1]
    words = [item for item in draft.old if isinstance(item, str) and any(map(str.isalnum, item))]
    return draft if words else None


def _is_idle(draft: Draft, item: Item) -> bool:
    """Return whether an item is a hole that nothing else of the replacement needs."""
    return isinstance(item, PatternHole) and [one for _, one in draft.new].count(item) == 1


def _shared_runs(old: Sequence[Lexeme], new: Sequence[Lexeme]) -> list[tuple[int, int]]:
    """Return the runs between brackets and commas of ``old`` that are also in ``new``, from left to right."""
    pairs, found = partners(old), list[tuple[int, int]]()
    fresh = [token.text for token in new]
    for opener, closer in sorted(pairs.items()):
        if closer < opener or old[opener].text == "{" or (found and opener < found[-1][1]):
            continue
        at = opener + 1
        while at < closer:
            end = at
            while end < closer and old[end].text not in {",", ";"}:
                end = pairs.get(end, end) + 1 if pairs.get(end, end) >= end else end + 1
            start = at + 2 if end - at > 2 and old[at + 1].text == "=" and is_name(old[at]) else at
            run = [token.text for token in old[start:end]]
            if run and start < end and _is_kept(fresh, run):
                found.append((start, end))
            at = end + 1
    return found


def _is_kept(fresh: list[str], run: list[str]) -> bool:
    """Return whether a run stands in ``fresh``, and not only as a member, which is another thing of that name."""
    begins = [0, *(at + 1 for at, text in enumerate(fresh) if text not in DOTS)]
    return any(fresh[at : at + len(run)] == run for at in begins)


def _drafted(
    example: Example, old: list[Lexeme], new: list[Lexeme], form: PatternForm, around: tuple[str, ...]
) -> Draft:
    """Return the draft of a region in which what both of its sides share is a hole."""
    shared = _shared_runs(old, new)
    numbers: dict[tuple[str, ...], int] = {}
    for start, end in shared:
        numbers.setdefault(tuple(token.text for token in old[start:end]), len(numbers))
    starts = dict(shared)
    items: list[Item] = []
    gaps: list[str] = []
    at, begins = 0, example.before.index(old[0])
    while at < len(old):
        gaps.append(_gap(example.texts[0], example.before, begins + at))
        if at in starts:
            items.append(PatternHole(numbers[tuple(token.text for token in old[at : starts[at]])]))
            at = starts[at]
        else:
            items.append(old[at].text)
            at += 1
    loose, quoted = set[int](), set[int]()
    written, text = list[tuple[str, Item]](), example.texts[1]
    texts, fresh = [token.text for token in old], [token.text for token in new]
    at, reached = 0, example.after.index(new[0]) if new else 0
    while at < len(new):
        runs = () if _edge(fresh, at - 1, DOTS) else numbers
        run = max((run for run in runs if tuple(fresh[at : at + len(run)]) == run), key=len, default=None)
        gap = text[example.after[reached + at - 1].end : new[at].start] if reached + at else ""
        if run is not None and (len(run) > 1 or _is_same(texts, fresh, at)):
            written.append((gap, PatternHole(numbers[run])))
            if not (_edge(fresh, at - 1, _LEFT_EDGES) and _edge(fresh, at + len(run), _RIGHT_EDGES)):
                loose.add(numbers[run])
            at += len(run)
            continue
        inner = new[at].text[1:-1] if new[at].kind is LexemeKind.STRING else ""
        if inner.isidentifier() and (inner,) in numbers:
            quote = new[at].text[0]
            written += [(gap, quote), ("", PatternHole(numbers[inner,])), ("", quote)]
            quoted.add(numbers[inner,])
        else:
            written.append((gap, new[at].text))
        at += 1
    last = reached + len(new)
    trail = text[new[-1].end : example.after[last].start] if new and last < len(example.after) else ""
    gaps.append(_gap(example.texts[0], example.before, begins + len(old)))
    single = [old[start] for start, end in shared if end == start + 1]
    literals = frozenset(numbers[token.text,] for token in single if is_literal(token))
    # The same type is that of a parameter and of a field.
    is_member = None if form is PatternForm.TYPE else begins > 0 and example.before[begins - 1].text in DOTS
    end = len(example.before) - example.same
    beside = neighbours(example.texts[0], example.before, example.first, end, example.new)
    return Draft(items, written, loose, trail, form, (around,), gaps, frozenset(quoted), literals, is_member, beside)


def _gap(text: str, tokens: Sequence[Lexeme], at: int) -> str:
    """Return the blanks before a token; empty before the first and after the last one."""
    return text[tokens[at - 1].end : tokens[at].start] if 0 < at < len(tokens) else ""


def _edge(texts: list[str], at: int, edges: frozenset[str]) -> bool:
    return 0 <= at < len(texts) and texts[at] in edges


def _is_same(old: list[str], new: list[str], at: int) -> bool:
    """Return whether a token of ``new`` surely is the one that ``old`` has too, and not a like one."""
    stands_alone = _edge(new, at - 1, _LEFT_EDGES) and _edge(new, at + 1, _RIGHT_EDGES)
    return stands_alone or _is_word(new[at]) or old.count(new[at]) == new.count(new[at]) == 1


def _is_word(text: str) -> bool:
    return (text[0].isalpha() or text[0] == "_") and text not in CONSTANTS


def _may_differ(item: Item) -> bool:
    """Return whether two examples may have different things here: names and literals."""
    if isinstance(item, PatternHole):
        return False
    return item[0].isalnum() or item[0] in "_\"'`"
