"""The figures of finished rows, as JSON and as a table for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.unseen.projects import NAMES
from benchmarks.unseen.rows import row_of
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.commands.bench.quality.summary import difference, kinds, shares, summary

_WANTED = ("exact_share", "saved_share", "saved_interval", "similarity", "shown_share", "answers_sha256")


def figures(outcomes: Sequence[Outcome], reference: Sequence[Outcome] | None = None) -> dict[str, Any]:
    """Return the figures of a row, with the 95 % interval of the exact ones.

    Args:
        outcomes: The answers.
        reference: Those of the row that it is compared with, over the same holes.
    """
    whole = summary(outcomes)
    hits = sum(outcome.is_exact for outcome in outcomes)
    found = {"hits": hits, "interval": shares(outcomes)["exact_interval"], **{name: whole[name] for name in _WANTED}}
    names = ("count", "hits", "exact_share", "exact_interval")
    found["by_kind"] = {name: {key: shares(some)[key] for key in names} for name, some in kinds(outcomes)}
    if reference is not None and reference is not outcomes:
        found["difference"] = difference(reference, outcomes)
    return found


def markdown(report: dict[str, Any]) -> str:
    """Return the table of a report, one line for each row and language."""
    lines = [
        "| language, row | right | exact (95 % interval) | more than embedded, points | "
        "at token borders, inside words | characters saved (95 % interval) |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for language, found in report["languages"].items():
        lines += [_line(language, name, row, report["count"]) for name, row in found["models"].items()]
    return "\n".join(lines)


def _line(language: str, name: str, row: dict[str, Any], count: int) -> str:
    more = "–"
    if "difference" in row:
        change = row["difference"]
        low, high = change["exact_interval"]
        more = f"{100 * change['exact_difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    places = [row["by_kind"].get(f"rest of the line, {place}") for place in ("at token borders", "inside words")]
    cells = (
        f"{NAMES[language]}, {row_of(name).title}",
        f"{row['hits']} of {count}",
        f"{100 * row['exact_share']:.1f} % ({_span(row['interval'])})",
        more,
        ", ".join("–" if place is None else f"{100 * place['exact_share']:.1f} %" for place in places),
        f"{100 * row['saved_share']:.1f} % ({_span(row['saved_interval'])})",
    )
    return f"| {' | '.join(cells)} |"


def _span(interval: Sequence[float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
