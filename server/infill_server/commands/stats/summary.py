"""The figures of the statistics: of all suggestions, by language, by model and over time."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from infill_server.commands.stats.period import day_of, periods
from infill_server.records.row import SuggestionOutcome, SuggestionRow


@dataclass(frozen=True)
class SuggestionFigures:
    """Figures of some suggestions.

    Attributes:
        name: What they have in common.
        shown: How many were shown.
        accepted: How many of these were accepted whole.
        partly: Of how many others a part was accepted.
        undone: How many were accepted and all of it removed within 30 seconds.
        typed: How many were typed to their end by hand.
        typed_over: In the place of how many something else was typed.
        ignored: How many were neither accepted nor typed into another text.
        characters_shown: The length of all together.
        characters_saved: How many characters were accepted and not removed at once.
        kept_30s: The share of the accepted characters that was still there 30 seconds later; None if not known.
        kept_300s: The same after 5 minutes.
        latency_p50_ms: Milliseconds from the request to the answer, of the median suggestion.
        latency_p95_ms: The same, of the one that is slower than 95 % of all.
    """

    name: str
    shown: int = 0
    accepted: int = 0
    partly: int = 0
    undone: int = 0
    typed: int = 0
    typed_over: int = 0
    ignored: int = 0
    characters_shown: int = 0
    characters_saved: int = 0
    kept_30s: float | None = None
    kept_300s: float | None = None
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None

    @property
    def taken(self) -> int:
        """How many were accepted, whole or partly, and not undone."""
        return self.accepted + self.partly

    @property
    def taken_share(self) -> float:
        """The share of the shown suggestions that was taken."""
        return self.taken / self.shown if self.shown else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {**asdict(self), "taken": self.taken, "taken_share": round(self.taken_share, 4)}

    @classmethod
    def of(cls, name: str, rows: Sequence[SuggestionRow]) -> SuggestionFigures:
        """Return the figures of ``rows``."""
        if not rows:
            return cls(name)
        outcomes = Counter(row.outcome for row in rows)
        latencies = sorted(row.latency_ms for row in rows)
        return cls(
            name,
            shown=len(rows),
            **{outcome.value: outcomes[outcome] for outcome in SuggestionOutcome},
            characters_shown=sum(row.characters for row in rows),
            characters_saved=sum(row.taken_characters for row in rows if row.outcome is not SuggestionOutcome.UNDONE),
            kept_30s=_kept((row.kept_30s, row.taken_characters) for row in rows),
            kept_300s=_kept((row.kept_300s, row.taken_characters) for row in rows),
            latency_p50_ms=_quantile(latencies, 0.5),
            latency_p95_ms=_quantile(latencies, 0.95),
        )


@dataclass(frozen=True)
class SuggestionSummary:
    """All figures.

    Attributes:
        total: Of all suggestions.
        languages: By language, most shown first.
        models: By model, most shown first.
        period: ``day`` or ``week``.
        over_time: By day or week; the name is its first day.
    """

    total: SuggestionFigures
    languages: tuple[SuggestionFigures, ...]
    models: tuple[SuggestionFigures, ...]
    period: str
    over_time: tuple[SuggestionFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "total": self.total.to_json(),
            "languages": [figures.to_json() for figures in self.languages],
            "models": [figures.to_json() for figures in self.models],
            "period": self.period,
            "over_time": [figures.to_json() for figures in self.over_time],
        }


def summary_of(rows: Sequence[SuggestionRow]) -> SuggestionSummary:
    """Return the figures of ``rows``, which are in the order of time."""
    period, starts = periods(day_of(rows[0].time_s), day_of(rows[-1].time_s)) if rows else ("day", [])
    by_start: dict[date, list[SuggestionRow]] = {start: [] for start in starts}
    for row in rows:
        by_start[starts[max(bisect_right(starts, day_of(row.time_s)) - 1, 0)]].append(row)
    return SuggestionSummary(
        SuggestionFigures.of("all", rows),
        _grouped(rows, lambda row: row.language),
        _grouped(rows, lambda row: row.model),
        period,
        tuple(SuggestionFigures.of(start.isoformat(), found) for start, found in by_start.items()),
    )


def _grouped(rows: Iterable[SuggestionRow], key: Callable[[SuggestionRow], str]) -> tuple[SuggestionFigures, ...]:
    groups: defaultdict[str, list[SuggestionRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    found = [SuggestionFigures.of(name, members) for name, members in groups.items()]
    return tuple(sorted(found, key=lambda figures: (-figures.shown, figures.name)))


def _kept(shares: Iterable[tuple[float | None, int]]) -> float | None:
    """Return the mean of the known shares, weighted by the characters that each is of."""
    known = [(share, characters) for share, characters in shares if share is not None and characters > 0]
    characters = sum(weight for _, weight in known)
    return round(sum(share * weight for share, weight in known) / characters, 4) if characters else None


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]
