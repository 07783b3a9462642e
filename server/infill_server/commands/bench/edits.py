"""``infill-ls bench edits``: replays commits and compares what is proposed with what the commit changed next.

One hunk of a file is made, and what is shown is compared with those still to come. Then the next one is made, and so
on; what the user does not take at once does not come again. Nobody knows in what order a commit was written, so each
file is played down and up. Where a commit has a single hunk in a file, silence is right. Imports come from the files as
they were before the commit.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from infill_completion.document.changes import ChangeClock, LineChange
from infill_completion.document.lines import line_at
from infill_completion.edits.proposal import EditKind, EditRequest, NextEditsAnswer, Proposal, lines_of
from infill_completion.edits.rejections import key_of
from infill_completion.edits.window import EditWindow
from infill_completion.settings import Settings
from infill_server.commands.bench.edit_history import FileChange, LineHunk, changes_of
from infill_server.commands.bench.edit_model import ReplayedModel
from infill_server.commands.bench.edit_report import EditReport
from infill_server.commands.bench.edit_verdict import (
    ChangedLines,
    Verdict,
    insertion_verdict,
    verdict,
    verdict_of_added,
)
from infill_server.commands.bench.edit_workspace import CommittedImports
from infill_server.commands.bench.git import GitRefusedError
from infill_server.commands.user_settings import user_settings
from infill_server.errors import UsageError


def edits(options: argparse.Namespace) -> int:
    """Replay commits and print the figures.

    Raises:
        UsageError: The folder is not in a git repository.
    """
    settings = user_settings(options)
    try:
        with ReplayedModel(settings) if options.with_model else nullcontext() as model:
            report = replay_commits(Path(options.repository), options.commits, settings, model)
    except GitRefusedError as error:
        raise UsageError(f"Git refused ({error.reason}). Name a folder in a git repository.") from error
    print(report.to_text())
    if options.wrong:
        print(*report.examples, sep="\n")
    if options.json:
        Path(options.json).write_text(json.dumps(report.summary(), indent=1) + "\n", encoding="utf-8")
    return 0


def replay_commits(
    repository: Path, commits: int, settings: Settings | None = None, model: ReplayedModel | None = None
) -> EditReport:
    """Replay the newest commits of a repository.

    Args:
        repository: A folder in it.
        commits: How many commits.
        settings: The user's settings.
        model: Asked where the rules propose nothing; None for the rules alone.

    Raises:
        GitError: It is no git repository, or git is missing.
    """
    report, imports = EditReport(), CommittedImports(repository)
    for change in changes_of(repository, commits):
        report.files += 1
        for hunks in (change.hunks, change.hunks[::-1]) if len(change.hunks) > 1 else (change.hunks,):
            window = EditWindow(imports.before(change.commit))
            replay = _Replay(change, list(hunks), report, settings or Settings(), model, window)
            while replay.left:
                replay.step()
            report.due += len(hunks) - 1
            report.found += len(replay.found)
    return report


@dataclass
class _Replay:
    """One file on its way through a commit.

    Attributes:
        change: What the commit does.
        left: The hunks that are still to be made.
        report: Where what is shown is counted.
        settings: The user's settings.
        model: Asked where the rules propose nothing.
        window: Makes the proposals.
        found: The first lines of the hunks that were shown before they were made.
    """

    change: FileChange
    left: list[LineHunk]
    report: EditReport
    settings: Settings
    model: ReplayedModel | None
    window: EditWindow
    found: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lines = list(self.change.before)
        self._made: list[LineHunk] = []
        self._clock = ChangeClock()

    def step(self) -> None:
        """Make the next hunk, ask, and judge the answer."""
        first, end, new = hunk = self.left.pop(0)
        at = self._now(first)
        old = self.lines[at : at + end - first]
        made = [LineChange(at, tuple(old), new, self._clock.tick())]
        self.window.follow(self.change.path, made, is_broken=False, settings=self.settings, roots=())
        self.lines[at : at + end - first] = new
        self._made.append(hunk)
        text = "".join(self.lines)
        cursor = sum(len(line) for line in self.lines[: at + len(new)]) - bool(new)
        answer = self._ask(text, max(cursor, 0))
        if len(self.change.hunks) == 1:
            self.report.single += 1
            self.report.quiet += not answer.proposals
        self._judge(text, answer.shown)

    def _ask(self, text: str, cursor: int) -> NextEditsAnswer:
        request = EditRequest(self.change.path, len(self.left), self.change.language_id, text, cursor)
        started = time.perf_counter()
        answer = self.window.propose(request, (), self.settings, (), lambda: False)
        if self.model is not None:
            answer = self.model.take(self.window, request, answer)
        self.report.times_ms.append((time.perf_counter() - started) * 1000)
        return answer

    def _now(self, line: int) -> int:
        """Return where a line of the file before the commit is now."""
        return line + sum(len(new) - (end - first) for first, end, new in self._made if first < line)

    def _judge(self, text: str, proposals: Sequence[Proposal]) -> None:
        """Compare proposals with the hunks that are still to come; those of one line count together."""
        by_line: dict[int, list[Proposal]] = {}
        for proposal in proposals:
            by_line.setdefault(line_at(text, proposal.start), []).append(proposal)
        place = f"{self.change.commit} {self.change.path}"
        for together in by_line.values():
            lines = ChangedLines.of(text, together)
            for proposal in together:
                self.window.reject(key_of(self.change.path, *lines_of(text, proposal)))
            self.window.reject(key_of(self.change.path, "".join(lines.before), "".join(lines.after)))
            hunk, judged = self._verdict(lines, together[0].kind)
            wanted = hunk[2] if hunk is not None else None
            self.report.add(place, together[0].kind.value, lines, wanted, judged)
            if hunk is not None and judged.is_right:
                self.found.add(hunk[0])

    def _verdict(self, lines: ChangedLines, kind: EditKind) -> tuple[LineHunk | None, Verdict]:
        """Return the hunk that a proposal belongs to, and what the hunk does with its lines."""
        language_id = self.change.language_id
        at, added = lines.added or (lines.first, ())
        for hunk in self.left if added else ():
            first, end = self._now(hunk[0]), self._now(hunk[0]) + hunk[1] - hunk[0]
            if kind is EditKind.IMPORT:  # wherever it goes
                judged = insertion_verdict([line for line in added if line.strip()], hunk[2], language_id)
            elif first - len(added) < at < end + len(added):
                judged = verdict_of_added(added, self.lines[:first], hunk[2], self.lines[end:], language_id)
            else:
                continue
            if judged.is_right:
                return hunk, judged
        around = (hunk for hunk in self.left if 0 <= lines.first - self._now(hunk[0]) < hunk[1] - hunk[0])
        found = next(around, None)
        return found, verdict(lines, found[2] if found is not None else None, language_id)
