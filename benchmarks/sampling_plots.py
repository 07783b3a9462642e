"""Draws the results of ``benchmarks.sampling``: ``python -m benchmarks.sampling_plots``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.sampling import RESULTS

CHART = Path(__file__).parent.parent / "docs" / "images" / "sampling.png"
Row = dict[str, Any]


def _lines(rows: list[Row], fits: Callable[[Row], bool], key: str) -> list[Row]:
    return sorted((row for row in rows if fits(row)), key=lambda row: float(row[key]))


def _percent(rows: list[Row], key: str) -> list[float]:
    return [100 * row[key] for row in rows]


def _curve(axes: Any, rows: list[Row], key: str, value: str, label: str) -> None:
    axes.plot([row[key] for row in rows], _percent(rows, value), marker="o", markersize=4, label=label)


def _temperature(axes: Any, rows: list[Row]) -> None:
    for top_p in (0.9, 1.0):
        found = _lines(rows, lambda row, p=top_p: row["candidates"] == 1 and row["top_p"] == p, "temperature")  # type: ignore[misc]
        _curve(axes, found, "temperature", "first_exact", f"top_p {top_p:g}")
    low, high = zip(*(row["first_interval"] for row in found), strict=True)
    spread = [100 * end for end in low], [100 * end for end in high]
    axes.fill_between([row["temperature"] for row in found], *spread, alpha=0.12, label="95 % interval")
    axes.set_xlabel("temperature")
    axes.set_title("The first suggestion is the rest of the line")


def _top_p(axes: Any, rows: list[Row]) -> None:
    for temperature in (0.1, 0.8):
        chosen = _lines(
            rows,
            lambda row, t=temperature: row["candidates"] == 1 and row["temperature"] == t,  # type: ignore[misc]
            "top_p",
        )
        _curve(axes, chosen, "top_p", "first_exact", f"temperature {temperature:g}")
    axes.set_xlabel("top_p")
    axes.set_title("The same, by top_p")


def _candidates(axes: Any, rows: list[Row]) -> None:
    for temperature in (0.1, 0.4, 0.8):
        found = _lines(
            rows,
            lambda row, t=temperature: row["top_p"] == 0.9 and row["temperature"] == t,  # type: ignore[misc]
            "candidates",
        )
        _curve(axes, found, "candidates", "any_exact", f"temperature {temperature:g}")
    axes.set_xticks(sorted({row["candidates"] for row in rows}))
    axes.set_xlabel("candidates")
    axes.set_title("One of the suggestions is the rest of the line")


def _max_tokens(axes: Any, rows: list[Row]) -> None:
    limits = [row["max_tokens"] for row in rows]
    _curve(axes, rows, "max_tokens", "first_exact", "rest of the line right")
    axes.set_xscale("log", base=2)
    axes.set_xticks(limits, [str(limit) for limit in limits])
    axes.set_xlabel("max_tokens, with multiline = always")
    axes.set_title("Right line and time, by max_tokens")
    times = axes.twinx()
    times.plot(limits, [row["p50_ms"] for row in rows], color="tab:red", marker="s", markersize=4, label="median time")
    times.plot(limits, [row["p90_ms"] for row in rows], color="tab:red", linestyle=":", label="nine of ten within")
    times.set_ylabel("ms, prompt in the cache")
    times.set_ylim(bottom=0)
    times.legend(loc="lower right", fontsize=8)


def draw(report: Row, target: Path) -> None:
    """Write the chart as PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    whole = [row for row in report["figures"] if row["multiline"] == "never"]
    blocks = [row for row in report["figures"] if row["multiline"] != "never"]
    figure, all_axes = pyplot.subplots(2, 2, figsize=(9.6, 6.4), dpi=110)
    parts = [_temperature, _top_p, _candidates, _max_tokens]
    for axes, part, rows in zip(all_axes.flat, parts, [whole, whole, whole, blocks], strict=True):
        part(axes, rows)
        axes.set_ylabel("% of the holes")
        axes.set_ylim(0, 60)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left", fontsize=8)
    figure.suptitle(f"{report['model']}, {report['holes']} holes in held-out files", fontsize=10)
    figure.tight_layout()
    figure.savefig(target)


def main() -> None:
    """Draw the stored figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampling_plots", description=__doc__)
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--chart", type=Path, default=CHART, metavar="FILE.png")
    options = parser.parse_args()
    draw(json.loads(options.json.read_text(encoding="utf-8")), options.chart)


if __name__ == "__main__":
    main()
