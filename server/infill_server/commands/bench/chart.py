"""The chart of a keystroke replay: the latency of the keys and the source of their answers."""

from __future__ import annotations

from pathlib import Path

from infill_server.commands.bench.keystroke_report import KeystrokeReport
from infill_server.errors import UsageError

_COLOURS = {
    "memory": "#2a9d8f",
    "joined": "#8ab17d",
    "engine": "#e9c46a",
    "withdrawn": "#bbbbbb",
    "unavailable": "#e76f51",
    "nothing": "#dddddd",
}
_LABELS = {
    "memory": "from memory",
    "joined": "by a running request",
    "engine": "by the model",
    "withdrawn": "overtaken by the next key",
    "unavailable": "without an engine",
    "nothing": "with no suggestion",
}


def draw(report: KeystrokeReport, path: Path) -> None:
    """Write the chart.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("A chart needs matplotlib; install it with `pip install matplotlib`.") from error
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    times, shares = figure.subplots(1, 2, width_ratios=(2, 1))
    for values, label in ((report.latency_ms, "key to answer"), (report.overhead_ms, "server alone, 1 MB file")):
        if values:
            ordered = sorted(max(value, 0.1) for value in values)
            times.step(ordered, [(at + 1) / len(ordered) for at in range(len(ordered))], label=label, where="post")
    times.set_xscale("log")
    times.set_xlabel("milliseconds")
    times.set_ylabel("share of keys")
    times.grid(visible=True, alpha=0.3)
    times.legend(loc="lower right")
    bottom, whole = 0.0, max(1, sum(report.answers.values()))
    for name, label in _LABELS.items():
        share = report.answers.get(name, 0) / whole
        if share:
            shares.bar([0], [share], bottom=bottom, color=_COLOURS[name], label=f"{label} {share:.0%}")
            bottom += share
    shares.set_xlim(-0.6, 3.6)
    shares.set_xticks([])
    shares.set_title("keys answered")
    shares.legend(loc="center right", frameon=False, fontsize="small")
    figure.savefig(path, dpi=150)
