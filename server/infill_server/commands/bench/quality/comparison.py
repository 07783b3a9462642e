"""Completes the same holes with each variant of a model, and prints the figures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infill_completion.document.snapshot import Trigger
from infill_completion.settings import Settings
from infill_server.commands.bench.quality.hole import CodeHole, HoleKind
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.run import run
from infill_server.commands.bench.quality.summary import difference, summary
from infill_server.commands.bench.quality.typist import type_holes, typing_settings
from infill_server.commands.bench.quality.variants import AS_SHIPPED, variant, variants
from infill_server.errors import UsageError

_DEADLINE_MS = 30_000  # answers must not depend on what else the machine does


@dataclass(frozen=True)
class Typing:
    """How much is typed.

    Attributes:
        holes: In how many holes; 0 for none.
        interval_ms: The time between two keys.
    """

    holes: int = 0
    interval_ms: float = 200.0


async def compare(
    holes: Sequence[CodeHole], checkpoint: Path | None, *, settings: Settings, comparison: str = "layouts",
    typing: Typing = Typing(),
) -> dict[str, Any]:  # fmt: skip
    """Return the summary of each variant over the same holes, and how it differs from the first.

    Args:
        holes: The holes.
        checkpoint: The model's folder or file; None for a remote engine.
        settings: The user's settings.
        comparison: As for :func:`~infill_server.commands.bench.quality.variants.variants`; with ``nothing`` requests
            are automatic ones.
        typing: How much a simulated typist writes.

    Raises:
        RuntimeError: The engine could not be started.
        MeasurementError: The answers did not come.
        UsageError: A remote engine's prompt layouts cannot be changed from here.
    """
    if checkpoint is None and comparison == "layouts":
        raise UsageError("The prompt layouts of a remote engine cannot be changed; add --compare context or nothing.")
    deadline_ms = max(settings.completion.deadline_ms, _DEADLINE_MS)
    completion = replace(settings.completion, temperature=0.0, candidates=1, deadline_ms=deadline_ms)
    trigger = Trigger.AUTOMATIC if comparison == "nothing" else Trigger.INVOKED
    report: dict[str, Any] = {}
    first: list[Outcome] = []
    for name, changes, changed in variants(comparison, replace(settings, completion=completion)):
        async with _own(changed, checkpoint, changes) as own:
            measured = await run(own, holes, trigger)
            typed = await _typed(replace(own, completion=settings.completion), holes, typing) if typing.holes else {}
        model = {} if checkpoint is None else {"model": checkpoint.name}
        report[name] = measured.subject | model | summary(measured.outcomes) | typed
        if first:
            report[name]["difference"] = difference(first, measured.outcomes)
        first = first or measured.outcomes
    return report


def _own(
    settings: Settings, checkpoint: Path | None, changes: dict[str, Any]
) -> contextlib.AbstractAsyncContextManager[Settings]:
    return contextlib.nullcontext(settings) if checkpoint is None else variant(settings, checkpoint, changes)


async def _typed(settings: Settings, holes: Sequence[CodeHole], typing: Typing) -> dict[str, Any]:
    """Return the figures of the typist, with and without latency."""
    chosen = list(of_each_kind(holes, typing.holes))
    waiting = await type_holes(typing_settings(settings, has_latency=False), chosen, None)
    typing_on = await type_holes(typing_settings(settings, has_latency=True), chosen, typing.interval_ms)
    return {"typist": {"without_latency": waiting.summary(), "with_latency": typing_on.summary()}}


def of_each_kind(holes: Sequence[CodeHole], count: int) -> Iterator[CodeHole]:
    """Yield about ``count`` holes, as many of each kind, from everywhere.

    The holes of each kind go through the same files in the same order, so each kind begins elsewhere.
    """
    groups = [[hole for hole in holes if hole.kind is kind] for kind in HoleKind]
    groups = [group for group in groups if group]
    share = -(-count // len(groups))
    for start, group in enumerate(groups):
        places = range(start, share * len(groups), len(groups))
        yield from group if len(group) <= share else [group[at * len(group) // (share * len(groups))] for at in places]


def print_report(report: dict[str, Any]) -> None:
    """Print the tables: all variants, then kinds and languages of each, then what differs."""
    print("variant            exact  similar  parses  shown  saved   p50 ms   p95 ms")
    for name, figures in report.items():
        parses = "   –" if figures["parses_share"] is None else f"{figures['parses_share']:.2f}"
        times = f"{figures['p50_ms']:7.0f}  {figures['p95_ms']:7.0f}"
        shares = f"{figures['shown_share']:.2f}   {figures['saved_share']:.2f}"
        print(f"{name:18} {figures['exact_share']:.3f}    {figures['similarity']:.2f}    {parses}   {shares}  {times}")
    for name, figures in report.items():
        _print_kinds(name, figures)
        _print_typist(figures.get("typist", {}))
    _print_differences(report)
    if AS_SHIPPED in report:
        _print_thresholds(report[AS_SHIPPED])
    for name, figures in report.items():
        of = ", ".join(str(figures[key]) for key in ("model", "quantization", "device") if figures.get(key))
        print(f"\n{name}: {of}; {figures['holes']} holes; answers {figures['answers_sha256'][:16]}", end="")
    print()


def _print_kinds(name: str, figures: dict[str, Any]) -> None:
    languages = figures["by_language"] if len(figures["by_language"]) > 1 else {}
    rows = [*figures["by_kind"].items()]
    rows += [(f"{language}, {kind}", row) for language, kinds in languages.items() for kind, row in kinds.items()]
    width = max([len(title) for title, _ in rows], default=0)
    print(f"\n{name}, with 95 % intervals (Wilson; characters saved: bootstrap over files)")
    print(f"{'':{width}} holes  {'exact':24} first line  saved")
    for title, row in rows:
        exact = f"{row['exact_share']:6.1%} ({_span(row['exact_interval'])})"
        saved = f"{row['saved_share']:6.1%} ({_span(row['saved_interval'])})"
        print(f"{title:{width}} {row['count']:5}  {exact:24} {row['first_line_share']:10.1%}  {saved}")


def _print_typist(typed: dict[str, Any]) -> None:
    """Print what a simulated typist is spared; a key that accepts a suggestion is counted as typed."""
    for row in typed.values():
        speed = "waiting for every answer" if row["interval_ms"] is None else f"a key every {row['interval_ms']:.0f} ms"
        saved = f"{row['saved_share']:.1%} of {row['chars']} characters saved ({_span(row['saved_interval'])})"
        print(f"typist, {speed}: {saved}, {row['in_time_share']:.0%} of {row['keys']} keys answered before the next")


def _print_differences(report: dict[str, Any]) -> None:
    """Print by how much each variant differs from the first, over the same holes."""
    changes = {name: figures["difference"] for name, figures in report.items() if "difference" in figures}
    if changes:
        print(f"\nagainst {next(iter(report))}, in points (paired: Newcombe's method 10; saved: bootstrap over files)")
    for name, change in changes.items():
        exact = f"exact {100 * change['exact_difference']:+.1f} ({_points(change['exact_interval'])})"
        saved = f"saved {100 * change['saved_difference']:+.1f} ({_points(change['saved_interval'])})"
        print(f"{name:18} {exact}, {change['gained']} gained, {change['lost']} lost; {saved}")


def _print_thresholds(figures: dict[str, Any]) -> None:
    """Print precision and recall by confidence threshold."""
    print("\nconfidence  shown  precision  recall  right for each wrong")
    for row in figures["by_confidence"]:
        wrong = row["shown_share"] * (1 - row["precision"])
        ratio = f"{row['shown_share'] * row['precision'] / wrong:.2f}" if wrong else "–"
        shares = f"{row['shown_share']:5.2f}  {row['precision']:9.2f}  {row['recall']:6.2f}"
        print(f"{row['threshold']:10.2f}  {shares}  {ratio}")


def _span(interval: Sequence[float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _points(interval: Sequence[float]) -> str:
    return f"{100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"
