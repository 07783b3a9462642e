"""``infill-ls bench edits``: replays commits and compares what is proposed with what the commit changed next.

The first hunk of a file is made, and what is shown is compared with the later ones. Then the second one is made, and so
on; what the user does not take at once does not come again. A proposal is right if the commit changes the same line to
the same text, wrong otherwise. Where a commit has a single hunk in a file, silence is right.
"""

from __future__ import annotations

import argparse
import difflib
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infill_completion.document.changes import ChangeClock, LineChange
from infill_completion.document.lines import line_end, line_start, split_lines
from infill_completion.edits.history import EditHistory
from infill_completion.edits.parsed import applied
from infill_completion.edits.proposal import EditRequest, Proposal, lines_of
from infill_completion.edits.proposer import Proposer
from infill_completion.edits.rejections import Rejections
from infill_server.commands.bench.edit_history import FileChange, changes_of
from infill_server.commands.bench.git import GitRefusedError
from infill_server.commands.bench.keystroke_report import percentile
from infill_server.errors import UsageError


@dataclass
class EditReport:
    """What was proposed.

    Attributes:
        files: How many changed files were replayed.
        steps: How often proposals were asked for, with hunks still to come.
        shown: How often there were any then.
        right, wrong: Proposals by kind.
        towards: Wrong proposals after which the line is more like one that the commit makes of it.
        due: Hunks that could have been proposed: all but the first of a file.
        found: Those that were, before they were made.
        single: Files with one hunk.
        quiet: Those after which nothing was proposed.
        times_ms: The time of each answer.
        examples: Wrong proposals, with the place and the lines.
    """

    files: int = 0
    steps: int = 0
    shown: int = 0
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    towards: int = 0
    due: int = 0
    found: int = 0
    single: int = 0
    quiet: int = 0
    times_ms: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the figures by name."""
        right, wrong = sum(self.right.values()), sum(self.wrong.values())
        times = self.times_ms or [0.0]
        return {
            "files": self.files,
            "proposals": right + wrong,
            "precision": _share(right, right + wrong),
            "towards": _share(right + self.towards, right + wrong),
            "due": self.due,
            "recall": _share(self.found, self.due),
            "single_hunk_files": self.single,
            "quiet_rate": _share(self.quiet, self.single),
            "p50_ms": round(percentile(times, 0.5), 2),
            "p95_ms": round(percentile(times, 0.95), 2),
            "right_by_kind": dict(self.right),
            "wrong_by_kind": dict(self.wrong),
        }


_ROWS = (
    ("files", "changed files replayed"),
    ("proposals", "edits shown"),
    ("precision", "share of them that the commit makes"),
    ("towards", "share that goes the commit's way"),
    ("due", "later hunks"),
    ("recall", "share of them that were shown before"),
    ("single_hunk_files", "files with one hunk"),
    ("quiet_rate", "share of them after which nothing is shown"),
    ("p50_ms", "answer, median ms"),
    ("p95_ms", "answer, 95th percentile ms"),
)


def edits(options: argparse.Namespace) -> int:
    """Replay commits and print the figures.

    Raises:
        UsageError: The folder is not in a git repository.
    """
    try:
        report = replay_commits(Path(options.repository), options.commits)
    except GitRefusedError as error:
        raise UsageError(f"Git refused ({error.reason}). Name a folder in a git repository.") from error
    summary = report.summary()
    print("\n".join(f"{label:<46}{summary[key]!s:>10}" for key, label in _ROWS))
    for kind in sorted({*report.right, *report.wrong}):
        print(f"  {kind:<44}{report.right[kind]:>5} right{report.wrong[kind]:>6} not")
    if options.wrong:
        print(*report.examples, sep="\n")
    if options.json:
        Path(options.json).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 0


def replay_commits(repository: Path, commits: int) -> EditReport:
    """Replay the newest commits of a repository.

    Raises:
        GitError: It is no git repository, or git is missing.
    """
    report = EditReport()
    for change in changes_of(repository, commits):
        _replay(change, report)
    return report


def _replay(change: FileChange, report: EditReport) -> None:
    """Make the hunks of one file from top to bottom, and ask after each."""
    report.files += 1
    history, clock = EditHistory(), ChangeClock()
    rejections = Rejections()
    proposer = Proposer(history, rejections, lambda: False)
    lines = list(change.before)
    left = list(change.hunks)
    found: set[int] = set()
    moved = 0
    while left:
        first, end, new = left.pop(0)
        at = first + moved
        old = lines[at : end + moved]
        history.add(change.path, [LineChange(at, tuple(old), new, clock.tick())])
        lines[at : end + moved] = new
        moved += len(new) - (end - first)
        text = "".join(lines)
        cursor = sum(len(line) for line in lines[: at + len(new)]) - bool(new)
        started = time.perf_counter()
        answer = proposer.propose(EditRequest(change.path, len(left), change.language_id, text, max(cursor, 0)))
        report.times_ms.append((time.perf_counter() - started) * 1000)
        if len(change.hunks) == 1:
            report.single += 1
            report.quiet += not answer.proposals
        else:
            report.steps += 1
            report.shown += bool(answer.proposals)
        _judge(change, text, left, moved, answer.shown, found, rejections, report)
    report.due += len(change.hunks) - 1
    report.found += len(found)


def _judge(
    change: FileChange, text: str, left: list[tuple[int, int, tuple[str, ...]]], moved: int,
    proposals: Iterable[Proposal], found: set[int], rejections: Rejections, report: EditReport,
) -> None:  # fmt: skip
    """Compare proposals with the hunks that are still to come; those of one line count together."""
    by_line: dict[int, list[Proposal]] = {}
    for proposal in proposals:
        by_line.setdefault(len(split_lines(text[: proposal.start] + ".")) - 1, []).append(proposal)
    for line, together in by_line.items():
        kind = together[0].kind.value
        before, after = lines_after(text, together)
        hunk = next((hunk for hunk in left if hunk[0] <= line - moved < hunk[1]), None)
        rejections.add(change.path, before, after)
        for proposal in together:
            rejections.add(change.path, *lines_of(text, proposal))
        if hunk is not None and after.rstrip("\r\n") in {new.rstrip("\r\n") for new in hunk[2]}:
            report.right[kind] += 1
            found.add(hunk[0])
        else:
            report.wrong[kind] += 1
            report.towards += hunk is not None and _is_nearer(before, after, hunk[2])
            wanted = "".join(hunk[2]) if hunk is not None else ""
            place = f"{change.commit} {change.path}:{line + 1} ({kind})"
            report.examples.append(f"{place}\n  - {before}\n  + {after}\n  = {wanted}")


def lines_after(text: str, proposals: list[Proposal]) -> tuple[str, str]:
    """Return the whole lines that proposals change together, before and after."""
    start = line_start(text, min(proposal.start for proposal in proposals))
    end = line_end(text, max(proposal.end for proposal in proposals))
    edited = applied(text, proposals)
    return text[start:end], edited[start : len(edited) - len(text) + end]


def _is_nearer(before: str, after: str, lines: tuple[str, ...]) -> bool:
    """Return whether ``after`` is more like one of ``lines`` than ``before`` is like any."""

    def nearness(text: str) -> float:
        found = (difflib.SequenceMatcher(None, text, line.rstrip("\r\n"), autojunk=False).ratio() for line in lines)
        return max(found, default=0.0)

    return nearness(after) > nearness(before)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
