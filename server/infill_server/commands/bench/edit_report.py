"""The figures of `infill-ls bench edits`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from infill_server.commands.bench.edit_verdict import ChangedLines, Verdict, is_nearer
from infill_server.commands.bench.keystroke_report import percentile
from infill_server.commands.bench.table import table


@dataclass
class EditReport:
    """What was proposed.

    Attributes:
        files: How many changed files were replayed.
        verdicts: Proposals by kind and by what the commit does with their lines.
        towards: Wrong proposals after which the line is more like one that the commit makes of it.
        due: Hunks that could have been proposed: all but the first of a file, in each order.
        found: Those that were, before they were made.
        single: Files with one hunk.
        quiet: Those after which nothing was proposed.
        times_ms: The time of each answer.
        examples: Wrong proposals, with the place and the lines.
    """

    files: int = 0
    verdicts: Counter[tuple[str, Verdict]] = field(default_factory=Counter)
    towards: int = 0
    due: int = 0
    found: int = 0
    single: int = 0
    quiet: int = 0
    times_ms: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def add(self, place: str, kind: str, lines: ChangedLines, wanted: tuple[str, ...] | None, found: Verdict) -> None:
        """Count a proposal."""
        self.verdicts[kind, found] += 1
        if found.is_right:
            return
        self.towards += is_nearer(lines, wanted)
        before, after, made = (
            "".join(some).replace("\n", "\n    ").rstrip() for some in (lines.before, lines.after, wanted or ())
        )
        self.examples.append(
            f"{place}:{lines.first + 1} ({kind}, {found.value})\n  - {before}\n  + {after}\n  = {made}"
        )

    def of_kind(self, kind: str) -> tuple[int, int]:
        """Return how many proposals of a kind are right, and how many there are."""
        counts = {found: count for (name, found), count in self.verdicts.items() if name == kind}
        return sum(count for found, count in counts.items() if found.is_right), sum(counts.values())

    @property
    def kinds(self) -> list[str]:
        """The kinds that were proposed."""
        return sorted({kind for kind, _ in self.verdicts})

    def summary(self) -> dict[str, Any]:
        """Return the figures by name."""
        by_verdict = Counter[Verdict]()
        for (_, found), count in self.verdicts.items():
            by_verdict[found] += count
        total = by_verdict.total()
        right = sum(count for found, count in by_verdict.items() if found.is_right)
        times = self.times_ms or [0.0]
        return {
            "files": self.files,
            "proposals": total,
            "precision": _share(right, total),
            "exact": _share(by_verdict[Verdict.EXACT], total),
            "towards": _share(right + self.towards, total),
            "due": self.due,
            "recall": _share(self.found, self.due),
            "single_hunk_files": self.single,
            "quiet_rate": _share(self.quiet, self.single),
            "p50_ms": round(percentile(times, 0.5), 2),
            "p95_ms": round(percentile(times, 0.95), 2),
            "right_by_kind": {kind: self.of_kind(kind)[0] for kind in self.kinds},
            "wrong_by_kind": {kind: self.of_kind(kind)[1] - self.of_kind(kind)[0] for kind in self.kinds},
        }

    def to_text(self) -> str:
        """Return the figures as lines to read."""
        lines = [table(self.summary(), _ROWS)]
        for kind in self.kinds:
            right, total = self.of_kind(kind)
            lines.append(f"  {kind:<56}{right:>5} right{total - right:>6} not")
        return "\n".join(lines)


_ROWS = (
    ("files", "changed files replayed"),
    ("proposals", "edits shown"),
    ("precision", "share of them that the commit makes"),
    ("exact", "share after which the line is as the commit leaves it"),
    ("towards", "share that goes the commit's way"),
    ("due", "later hunks"),
    ("recall", "share of them that were shown before"),
    ("single_hunk_files", "files with one hunk"),
    ("quiet_rate", "share of them after which nothing is shown"),
    ("p50_ms", "answer, median ms"),
    ("p95_ms", "answer, 95th percentile ms"),
)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
