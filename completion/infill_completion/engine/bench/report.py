"""The report of ``infill-ls bench decode``: where it was measured, as JSON, as a table, as a chart."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion import __version__
from infill_completion.engine.bench.keystroke import Keystroke
from infill_completion.engine.bench.measure import Cancel, Decode
from infill_completion.engine.bench.speculation import Speculation

environment.prepare()

_PACKAGES = ("torch", "transformers", "bitsandbytes")


@dataclass
class ModelReport:
    """What was measured on one model; bytes, seconds and milliseconds as the names say."""

    model: str
    weights: str
    parameters: int
    quantization: str
    dtype: str
    threads: int | None
    load_s: float
    reload_s: float | None = None
    resident_bytes: int = 0
    decode: list[Decode] = field(default_factory=list)
    keystroke: list[Keystroke] = field(default_factory=list)
    speculation: Speculation | None = None
    cancel: Cancel | None = None
    failures: list[str] = field(default_factory=list)


@dataclass
class Report:
    """One run: where, when, with what, and the models."""

    device: str
    copy_bandwidth_bytes_s: float
    versions: dict[str, str]
    date: str = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date().isoformat())
    load_average: float | None = None
    neighbours: int = 0
    note: str = ""
    models: list[ModelReport] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """Return the report as indented JSON."""
        return json.dumps(asdict(self), indent=1, default=str) + "\n"


def device_name(device: torch.device) -> str:
    """Return how a person would call the device: the GPU's name, or the cores and their kind."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return f"{cores} cores of {platform.processor() or platform.machine()}"
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    values = {key.strip(): value.strip() for key, value in fields.items()}
    extra = " (AVX512-BF16)" if "avx512_bf16" in values.get("flags", "") else ""
    return f"{cores} cores of {values.get('model name', platform.machine())}{extra}"


def versions() -> dict[str, str]:
    """Return the versions that decide on speed."""
    found = {"infill-ls": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if torch.version.cuda:
        found["cuda"] = torch.version.cuda
    return found


def table(report: Report) -> str:
    """Return the report as Markdown."""
    said = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"{report.device}, {report.date}, {said}",
        f"copy bandwidth {report.copy_bandwidth_bytes_s / 1e9:.0f} GB/s (read and written)"
        + (f", load average before the run {report.load_average:.1f}" if report.load_average is not None else "")
        + (f", {report.neighbours} busy neighbour processes" if report.neighbours else ""),
        *([report.note] if report.note else []),
    ]
    for model in report.models:
        lines += ["", *_model_lines(model)]
    return "\n".join([*lines, *(f"failed: {failure}" for failure in report.failures)])


def _model_lines(model: ModelReport) -> list[str]:
    held = f"{model.quantization}, computed in {model.dtype}"
    threads = f", {model.threads} threads" if model.threads else ""
    again = f", from a 4-bit checkpoint {model.reload_s:.1f} s" if model.reload_s is not None else ""
    made = "made" if model.weights == "random weights" else "loaded"
    lines = [
        f"## {model.model} ({model.weights}, {model.parameters / 1e6:,.0f}M parameters, {held}{threads})",
        f"{made} in {model.load_s:.1f} s{again}; {model.resident_bytes / 2**20:,.0f} MiB resident",
    ]
    if model.decode:
        lines += [
            "",
            "| context | n | loop tokens/s | joined products | fused | as shipped | generate() | loop / generate() "
            "| roofline | share |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *(_decode_line(row) for row in model.decode),
        ]
    if model.keystroke:
        lines += [
            "",
            "| prompt | fresh TTFT ms | after a keystroke ms | worst ms | tokens computed | in decode steps |",
            "| ---: | ---: | ---: | ---: | ---: | ---: |",
            *(_keystroke_line(row) for row in model.keystroke),
        ]
    if model.speculation is not None:
        lines += ["", _speculation_line(model.speculation)]
    if model.cancel is not None:
        lines += ["", f"cancelled within {model.cancel.decode_ms:.1f} ms while decoding, "
                      f"{model.cancel.prefill_ms:.1f} ms in the prefill"]  # fmt: skip
    return [*lines, *(f"failed: {failure}" for failure in model.failures)]


def _decode_line(row: Decode) -> str:
    reference = "-" if row.reference is None else f"{row.reference:.1f}"
    ratio = "-" if row.reference is None else f"{row.loop / row.reference:.1f}x"
    joined, fused = ("-" if rate is None else f"{rate:.1f}" for rate in (row.joined, row.fused))
    return (
        f"| {row.context_tokens} | {row.candidates} | {row.loop:.1f} | {joined} | {fused} | {row.shipped:.1f} "
        f"| {reference} | {ratio} | {row.roofline:.0f} | {row.loop / row.roofline:.0%} |"
    )


def _keystroke_line(row: Keystroke) -> str:
    return (
        f"| {row.prompt_tokens} | {row.fresh_ms:.1f} | {row.typed_ms:.1f} | {row.typed_worst_ms:.1f} "
        f"| {row.computed_tokens:.0f} | {row.typed_ms / row.step_ms:.1f} |"
    )


def _speculation_line(drafts: Speculation) -> str:
    gain = drafts.drafted / drafts.single
    return (
        f"real code, {drafts.places} answers of {drafts.tokens} tokens in all: {drafts.single:.0f} tokens/s one by "
        f"one, {drafts.drafted:.0f} with drafts ({gain:.2f}x), {drafts.same} the same to the letter"
    )


def chart(report: Report, path: Path) -> bool:
    """Draw tokens a second by context length as PNG; False where matplotlib is not installed."""
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


def _bars(axes: Any, rows: Sequence[Decode]) -> None:
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
