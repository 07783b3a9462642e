"""The report of ``infill-ls bench decode``, as JSON and as a table."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass, field

from infill_completion.engine import environment  # isort: skip  # before torch and transformers

from infill_completion.engine.bench.cancel import Cancel
from infill_completion.engine.bench.decode import DecodeRates
from infill_completion.engine.bench.keystroke import KeystrokeTimes
from infill_completion.engine.bench.rewrite import RewriteCost
from infill_completion.engine.bench.speculation import Speculation
from infill_completion.engine.bench.step_cost import KernelTime, PrefillTime, StepCost

environment.prepare()


@dataclass
class ModelReport:
    """The figures of one model; the names carry the units.

    ``graphs`` is the number of captured CUDA graphs and ``capture_s`` the time they took, None without a CUDA device;
    ``capture_error`` says why steps ran operator by operator instead.
    """

    model: str
    weights: str
    parameters: int
    quantization: str
    dtype: str
    threads: int | None
    load_s: float
    reload_s: float | None = None
    resident_bytes: int = 0
    graphs: int | None = None
    capture_s: float | None = None
    capture_error: str = ""
    decode: list[DecodeRates] = field(default_factory=list)
    keystroke: list[KeystrokeTimes] = field(default_factory=list)
    speculation: Speculation | None = None
    rewrite: RewriteCost | None = None
    cancel: Cancel | None = None
    rows: list[StepCost] = field(default_factory=list)
    prefill: list[PrefillTime] = field(default_factory=list)
    kernels: list[KernelTime] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass
class DecodeReport:
    """One run: the machine, the date, the versions, and the models."""

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


def table(report: DecodeReport) -> str:
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
    if model.capture_error:
        lines.append(f"CUDA graphs are off, so steps ran operator by operator: {model.capture_error}")
    elif model.graphs is not None:
        lines.append(f"{model.graphs} CUDA graphs captured in {model.capture_s:.1f} s")
    if model.decode:
        lines += [
            "",
            "| context | n | loop tokens/s | as shipped | generate() | loop / generate() | roofline | share |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
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
    if model.rewrite is not None:
        lines += ["", *_rewrite_lines(model.rewrite)]
    if model.cancel is not None:
        lines += ["", f"cancelled within {model.cancel.decode_ms:.1f} ms while decoding, "
                      f"{model.cancel.prefill_ms:.1f} ms in the prefill"]  # fmt: skip
    return [*lines, *_step_lines(model), *(f"failed: {failure}" for failure in model.failures)]


def _step_lines(model: ModelReport) -> list[str]:
    """Return the lines of what is only measured on request."""
    rows = [f"a step of {row.rows} rows at {row.context_tokens}: {row.ms:.3f} ms" for row in model.rows]
    chunks = [
        f"{row.prompt_tokens} tokens in chunks of {row.chunk_tokens}: {row.best_ms:.1f} ms, first {row.first_ms:.1f} ms"
        for row in model.prefill
    ]
    kernels = [f"{row.us:.1f} us in {row.calls} calls: {row.name[:90]}" for row in model.kernels]
    return [line for part in (rows, chunks, kernels) if part for line in ("", *part)]


def _decode_line(row: DecodeRates) -> str:
    reference = "-" if row.reference is None else f"{row.reference:.1f}"
    ratio = "-" if row.reference is None else f"{row.loop / row.reference:.1f}x"
    return (
        f"| {row.context_tokens} | {row.candidates} | {row.loop:.1f} | {row.shipped:.1f} "
        f"| {reference} | {ratio} | {row.roofline:.0f} | {row.loop / row.roofline:.0%} |"
    )


def _keystroke_line(row: KeystrokeTimes) -> str:
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


def _rewrite_lines(cost: RewriteCost) -> list[str]:
    more = (cost.steps - cost.unchanged_steps) / max(1, cost.changed_lines)
    return [
        f"{cost.places} rewrites of {cost.lines} lines, {cost.changed_lines} of them changed: {cost.tokens} tokens in "
        f"{cost.steps} steps with drafts from the old lines ({cost.tokens / cost.steps:.1f} tokens a step), "
        f"{cost.unchanged_steps} if nothing changes: {more:.1f} more for each changed line",
        f"to read a prompt {cost.prompt_ms:.0f} ms; to write {cost.single_ms:.0f} ms one token a step, "
        f"{cost.drafted_ms:.0f} ms with drafts ({cost.single_ms / cost.drafted_ms:.1f}x)",
    ]
