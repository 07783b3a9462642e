"""The statistics as a table of text."""

from __future__ import annotations

from collections.abc import Sequence

from infill_server.commands.stats.summary import SuggestionFigures, SuggestionSummary

# The languages and models after these are few suggestions together.
_MOST_ROWS = 12
COLUMNS = ("shown", "taken", "kept 30 s", "kept 5 min", "typed by hand", "typed over", "chars saved", "p50", "p95")


def cells(figures: SuggestionFigures) -> tuple[str, ...]:
    """Return the cells of a row, in the order of `COLUMNS`."""
    return (
        f"{figures.shown:,}",
        share(figures.taken_share if figures.shown else None),
        share(figures.kept_30s),
        share(figures.kept_300s),
        share(figures.typed / figures.shown if figures.shown else None),
        share(figures.typed_over / figures.shown if figures.shown else None),
        f"{figures.characters_saved:,}",
        milliseconds(figures.latency_p50_ms),
        milliseconds(figures.latency_p95_ms),
    )


def share(value: float | None) -> str:
    """Return a share in percent; a dash if it is not known."""
    return "–" if value is None else f"{100 * value:.0f} %"


def milliseconds(value: float | None) -> str:
    """Return a time; a dash if it is not known."""
    return "–" if value is None else f"{value:,.0f} ms"


def table(summary: SuggestionSummary) -> str:
    """Return the table of all suggestions, then by language, then by model."""
    rows: list[tuple[str, ...]] = [("", *COLUMNS), ("all", *cells(summary.total))]
    for title, groups in (("by language", summary.languages), ("by model", summary.models)):
        rows.append(("", *[""] * len(COLUMNS)))
        rows.append((title, *[""] * len(COLUMNS)))
        rows += [(f"  {figures.name}", *cells(figures)) for figures in groups[:_MOST_ROWS]]
        if len(groups) > _MOST_ROWS:
            rows.append((f"  and {len(groups) - _MOST_ROWS} more", *[""] * len(COLUMNS)))
    return "\n".join(_aligned(rows))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
