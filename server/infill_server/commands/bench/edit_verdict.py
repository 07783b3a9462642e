"""Whether a commit makes a proposed edit, for `infill-ls bench edits`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from infill_completion.document.lines import line_at, line_end, line_start, split_lines
from infill_completion.edits.parsed import applied
from infill_completion.edits.proposal import Proposal
from infill_completion.edits.tokens import holds_run, tokens_of

# A line is compared with so many of the commit's lines together, since formatters break lines.
_MAX_TOGETHER = 8
# Longer hunks are compared up to here.
_MAX_LINES = 60
_MAX_TOKENS = 400


class Verdict(Enum):
    """What a commit does with the lines of a proposal."""

    EXACT = "exact"
    PART = "part"
    REMOVED = "removed"
    OTHER = "other"
    UNTOUCHED = "untouched"

    @property
    def is_right(self) -> bool:
        """Whether the commit makes the proposed change."""
        return self in {Verdict.EXACT, Verdict.PART}


@dataclass(frozen=True)
class ChangedLines:
    """The whole lines that proposals change together.

    Attributes:
        first: The number of the first one.
        before: The lines before, with their line ends.
        after: The lines after.
    """

    first: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @classmethod
    def of(cls, text: str, proposals: Sequence[Proposal]) -> ChangedLines:
        """Return the lines of proposals that are next to each other."""
        start = line_start(text, min(proposal.start for proposal in proposals))
        end = line_end(text, max(proposal.end for proposal in proposals))
        edited = applied(text, proposals)
        before, after = split_lines(text[start:end]), split_lines(edited[start : len(edited) - len(text) + end])
        first = line_at(text, start)
        while len(before) > 1 and after and before[-1] == after[-1]:
            del before[-1], after[-1]
        if after == [""] or not "".join(after).strip():
            after = []
        return cls(first, tuple(before), tuple(after))

    @property
    def added(self) -> tuple[int, tuple[str, ...]] | None:
        """The lines that are new and the line before which they go; None if a line changes as well."""
        before, after = (tuple(line.rstrip("\r\n") for line in some) for some in (self.before, self.after))
        more = len(after) - len(before)
        if more <= 0 or not before:
            return None
        if after[: len(before)] == before:
            return self.first + len(before), after[len(before) :]
        return (self.first, after[:more]) if after[more:] == before else None


def insertion_verdict(inserted: Sequence[str], wanted: Sequence[str], language_id: str) -> Verdict:
    """Return whether a commit adds lines, wherever it does.

    It adds a part of a statement if that has the words of the lines in their order, in whatever quotation marks, and
    begins with no other one.

    Args:
        inserted: The new lines, without blank ones.
        wanted: The lines that the commit puts somewhere.
        language_id: LSP's language id.
    """
    lines, new = [line.rstrip("\r\n") for line in wanted], [line.rstrip("\r\n") for line in inserted]
    if any(lines[at : at + len(new)] == new for at in range(len(lines))):
        return Verdict.EXACT
    own, rows = _unquoted(new, language_id), [_unquoted([line], language_id) for line in lines[:_MAX_LINES]]
    for start in range(len(rows)):
        run: list[str] = []
        for row in rows[start : start + _MAX_TOGETHER]:
            run = run + row
            if run.count(own[0]) == 1 and run[0] == own[0] and _distance(own, run) == len(run) - len(own):
                return Verdict.PART
    return Verdict.OTHER


def verdict(changed: ChangedLines, wanted: Sequence[str] | None, language_id: str) -> Verdict:
    """Return what a commit does with lines.

    A proposal is exact if the commit makes the lines so. It is a part of what the commit does if it lies on the
    shortest way there, counted in tokens that are added and removed: taking it leaves just so much less to be done.

    Args:
        changed: The lines before and after the proposal.
        wanted: What the commit puts in the place of the lines around; None if it leaves them as they are.
        language_id: LSP's language id.
    """
    if wanted is None:
        return Verdict.UNTOUCHED
    lines = [line.rstrip("\r\n") for line in wanted]
    before, after = ([line.rstrip("\r\n") for line in some] for some in (changed.before, changed.after))
    if not after:
        return Verdict.OTHER if set(before) & set(lines) else Verdict.EXACT
    if any(lines[at : at + len(after)] == after for at in range(len(lines))):
        return Verdict.EXACT
    if not lines:
        return Verdict.REMOVED
    # Formatters align what stands in several lines.
    is_made = len(after) > 1 and holds_run(_texts(lines[:_MAX_LINES], language_id), _texts(after, language_id))
    return Verdict.PART if is_made or _is_part(before, after, lines, language_id) else Verdict.OTHER


def verdict_of_added(
    lines: Sequence[str], above: Sequence[str], wanted: Sequence[str], below: Sequence[str], language_id: str
) -> Verdict:
    """Return what a commit does where lines are added.

    Which of several like lines are the new ones cannot be told, so that some of those around may take part. The lines
    are a part of what the commit adds if most of it is theirs.

    Args:
        lines: The lines that a proposal adds.
        above: The lines before those of the commit.
        wanted: What the commit puts there.
        below: The lines after them.
        language_id: LSP's language id.
    """
    beside = len(lines) - 1
    first = max(len(above) - beside, 0)
    around = [line.rstrip("\r\n") for line in (*above[first:], *wanted, *below[:beside])]
    if any(around[at : at + len(lines)] == list(lines) for at in range(len(around))):
        return Verdict.EXACT
    new = _texts(lines, language_id)
    for start in range(min(len(wanted), _MAX_LINES)):
        for end in range(start + 1, min(start + _MAX_TOGETHER, len(wanted)) + 1):
            run = _texts(wanted[start:end], language_id)
            if len(run) > min(2 * len(new), _MAX_TOKENS):
                break
            if _distance(new, run) == len(run) - len(new):
                return Verdict.PART
    return Verdict.OTHER


def is_nearer(changed: ChangedLines, wanted: Sequence[str] | None) -> bool:
    """Return whether lines are more like some line of a commit with a proposal than without."""

    def nearness(lines: Sequence[str]) -> float:
        text = "".join(lines).rstrip("\r\n")
        found = (
            difflib.SequenceMatcher(None, text, line.rstrip("\r\n"), autojunk=False).ratio() for line in wanted or ()
        )
        return max(found, default=0.0)

    return nearness(changed.after) > nearness(changed.before)


def _is_part(before: list[str], after: list[str], lines: list[str], language_id: str) -> bool:
    """Return whether ``after`` lies on a shortest way from ``before`` to the lines that are most like it."""
    old, new = (_texts(some, language_id) for some in (before, after))
    rows = [_texts([line], language_id) for line in lines[:_MAX_LINES]]
    best: tuple[int, list[str]] | None = None
    for start in range(len(rows)):
        run: list[str] = []
        for row in rows[start : start + _MAX_TOGETHER]:
            run = run + row
            if max(len(run), len(old), len(new)) > _MAX_TOKENS:
                break
            far = _distance(old, run)
            if best is None or far < best[0]:
                best = far, run
    if best is None:
        return False
    far, run = best
    kept = (len(old) + len(run) - far) // 2
    return 2 * kept >= len(old) and far == _distance(old, new) + _distance(new, run)


def _texts(lines: Sequence[str], language_id: str) -> list[str]:
    return [token.text for token in tokens_of("\n".join(lines), language_id)]


def _unquoted(lines: Sequence[str], language_id: str) -> list[str]:
    return [text.strip("'\"") for text in _texts(lines, language_id)]


def _distance(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many tokens are removed and added on the shortest way from ``old`` to ``new``."""
    row = [0] * (len(new) + 1)
    for text in old:
        diagonal = 0
        for index, other in enumerate(new):
            above = row[index + 1]
            row[index + 1] = diagonal + 1 if text == other else max(above, row[index])
            diagonal = above
    return len(old) + len(new) - 2 * row[-1]
