"""The chart of ``infill-ls bench decode``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infill_completion.engine.bench.decode import DecodeRates
from infill_completion.engine.bench.report import DecodeReport


def chart(report: DecodeReport, path: Path) -> bool:
    """Draw tokens per second by context length as PNG; return False if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [model for model in report.models if model.decode]
    if not shown:
        return True
    figure, all_axes = pyplot.subplots(1, len(shown), figsize=(4.5 * len(shown), 3.6), squeeze=False)
    for model, axes in zip(shown, all_axes[0], strict=True):
        _bars(axes, [row for row in model.decode if row.candidates == 1])
        axes.set_title(f"{model.model}\n{model.quantization}, {model.dtype}", fontsize=9)
    figure.suptitle(f"Decoding on {report.device}, {report.date}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def _bars(axes: Any, rows: Sequence[DecodeRates]) -> None:
    series = {
        "infill-ls, loop": [row.loop for row in rows],
        "infill-ls, as shipped": [row.shipped for row in rows],
        "transformers generate()": [row.reference or 0.0 for row in rows],
        "roofline": [row.roofline for row in rows],
    }
    for number, (name, values) in enumerate(series.items()):
        places = [index + 0.2 * (number - 1.5) for index in range(len(rows))]
        axes.bar(places, values, 0.19, label=name, color=("#2b6cb0", "#63b3ed", "#a0aec0", "#e2e8f0")[number])
    axes.set_xticks(range(len(rows)), [str(row.context_tokens) for row in rows])
    axes.set_xlabel("tokens of context")
    axes.set_ylabel("tokens a second")
    axes.legend(fontsize=7)
