"""Everything that is measured on one model, within a time budget."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.bench.cancel import cancel
from infill_completion.engine.bench.decode import decode
from infill_completion.engine.bench.keystroke import keystroke
from infill_completion.engine.bench.machine import memory_bytes
from infill_completion.engine.bench.plan import MeasurementPlan
from infill_completion.engine.bench.report import ModelReport
from infill_completion.engine.bench.rewrite import rewrite_cost
from infill_completion.engine.bench.speculation import speculation
from infill_completion.engine.bench.step_cost import kernel_times, prefill_times, step_costs
from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.checkpoints import checkpoint, selection
from infill_completion.engine.checkpoints.devices import synchronize
from infill_completion.engine.decoding.generator import Generator
from infill_completion.settings import EngineSettings

environment.prepare()


def quietly(measurement: Callable[[], Any], failures: list[str], what: str) -> Any:
    """Return the result of a measurement; if it fails, record why and return None, so that the others are not lost."""
    try:
        return measurement()
    except Exception as error:  # out of memory, a missing kernel, a full disk
        first = next(iter(str(error).splitlines()), "")
        failures.append(f"{what}: {type(error).__name__}: {first}")
        return None


def measure_model(subject: Subject, plan: MeasurementPlan, bandwidth: float) -> ModelReport:
    """Measure a model and close it; ``bandwidth`` is the copy bandwidth of its device, in bytes a second."""
    generator = subject.generator
    device = torch.device(generator.device)
    report = ModelReport(
        model=subject.name,
        weights="random weights" if subject.is_random else "checkpoint",
        parameters=subject.shape.parameters,
        quantization=str(subject.quantization) if generator.details["quantization"] != "none" else "none",
        dtype=str(generator.details["dtype"]),
        threads=generator.details.get("threads") if device.type == "cpu" else None,
        load_s=subject.load_s,
    )
    measurements = ModelMeasurements(subject, plan, bandwidth, report)
    loop = generator.model.device_loop
    measurements.journal(
        "load",
        load_s=subject.load_s,
        memory_bytes=memory_bytes(device) - subject.copy_bytes,
        own_kernels=bool(loop and loop.has_kernels),
    )
    measurements.decoding()
    measurements.steps()
    measurements.requests()
    report.resident_bytes = memory_bytes(device) - subject.copy_bytes
    _report_graphs(report, generator)
    measurements.journal(
        "memory and graphs", memory_bytes=report.resident_bytes, graphs=report.graphs, capture_s=report.capture_s,
        capture_error=report.capture_error,
    )  # fmt: skip
    measurements.reload()
    generator.close()
    return report


class ModelMeasurements:
    """The measurements of one model; each adds its figures to the report and, when they are known, to the journal."""

    def __init__(self, subject: Subject, plan: MeasurementPlan, bandwidth: float, report: ModelReport) -> None:
        self._subject, self._plan, self._bandwidth, self._report = subject, plan, bandwidth, report
        longest = subject.generator.model.context_tokens
        self._contexts = list(dict.fromkeys(min(context, longest - 1) for context in plan.contexts))
        self._middle = sorted(self._contexts)[len(self._contexts) // 2]

    def journal(self, measurement: str, **figures: Any) -> None:
        """Append figures of this model."""
        self._plan.journal.append(model=self._report.model, measurement=measurement, **figures)

    def decoding(self) -> None:
        """Measure decoding at all lengths, then keystrokes at two of them, then several candidates."""
        if self._wants("decode"):
            for context in self._contexts:
                self._decode(context, 1)
        if self._wants("keystroke"):
            measured = [row.context_tokens for row in self._report.decode] or self._contexts
            for context in [length for length in measured if length > 64][:2]:
                row = self._tried("keystroke", partial(keystroke, self._subject, context))
                self._add("keystroke", self._report.keystroke, [row] if row else [])
        if self._wants("candidates"):
            self._decode(self._middle, 4)

    def steps(self) -> None:
        """Measure the parts of decoding and prefill that are only measured on request."""
        report, longest = self._report, self._contexts[0] or self._middle
        parts: list[tuple[str, list[Any], Callable[[], list[Any]]]] = [
            ("rows", report.rows, partial(step_costs, self._subject, longest)),
            ("prefill", report.prefill, partial(prefill_times, self._subject, longest)),
            ("kernels", report.kernels, partial(kernel_times, self._subject, longest)),
        ]
        for name, found, work in parts:
            if self._wants(name):
                self._add(name, found, self._tried(name, work) or [])

    def requests(self) -> None:
        """Measure drafts, rewrites and cancelling."""
        if self._wants("speculation") and not self._subject.is_random:  # random weights never copy the text
            self._report.speculation = self._tried(
                "speculation", lambda: speculation(self._subject, self._middle, self._plan.repeats)
            )
            self._add("speculation", [], [self._report.speculation] if self._report.speculation else [])
        if self._wants("rewrite"):
            self._report.rewrite = self._tried("rewrite", lambda: rewrite_cost(self._subject, self._plan.repeats))
            self._add("rewrite", [], [self._report.rewrite] if self._report.rewrite else [])
        if self._wants("cancel"):
            self._report.cancel = self._tried("cancel", lambda: cancel(self._subject, max(self._contexts)))
            self._add("cancel", [], [self._report.cancel] if self._report.cancel else [])

    def reload(self) -> None:
        """Measure how long a 4-bit checkpoint of the same weights takes to load."""
        if not (self._wants("reload") and self._subject.is_random):
            return
        if torch.device(self._subject.generator.device).type != "cuda":
            self.journal("reload", skipped="needs a CUDA device")
            return
        self._report.reload_s = self._tried("load from a 4-bit checkpoint", lambda: _reloaded(self._subject))
        self.journal("reload", reload_s=self._report.reload_s)

    def _decode(self, context: int, candidates: int) -> None:
        plan = self._plan
        row = self._tried(
            f"decode {candidates} at {context}",
            lambda: decode(
                self._subject, context, self._bandwidth, tokens=plan.tokens, candidates=candidates,
                repeats=plan.repeats, reference=plan.reference, reference_tokens=plan.reference_tokens,
            ),
        )  # fmt: skip
        self._add("decode", self._report.decode, [row] if row else [])

    def _wants(self, name: str) -> bool:
        return name in self._plan.only

    def _tried(self, what: str, work: Callable[[], Any]) -> Any:
        failures = self._report.failures
        count = len(failures)
        result = None
        if self._plan.in_time():
            result = quietly(work, failures, what)
        else:
            failures.append(f"{what}: out of time")
        if failures[count:]:
            self.journal(what, failed=failures[-1])
        return result

    def _add(self, name: str, found: list[Any], rows: list[Any]) -> None:
        """Add rows to a part of the report and to the journal."""
        found += rows
        for row in rows:
            self.journal(name, **{"kernel" if key == "name" else key: value for key, value in asdict(row).items()})


def _report_graphs(report: ModelReport, generator: Generator) -> None:
    """Record what came of capturing the steps: without it, eager figures would pass for those of graphs."""
    loop = generator.model.device_loop
    if loop is not None:
        report.graphs, report.capture_s = loop.capture.graphs, loop.capture.seconds
        report.capture_error = loop.capture.error


def _reloaded(subject: Subject) -> float:
    """Write the weights as a 4-bit checkpoint and return the seconds to load it from the page cache."""
    from infill_completion.engine.checkpoints.quantize import save

    with tempfile.TemporaryDirectory(prefix="infill-ls-bench-") as name:
        folder = Path(name)
        save(subject.model, selection.EMBEDDED, folder)
        settings = EngineSettings(model=str(folder), device=subject.generator.device)
        started = time.perf_counter()
        loaded = checkpoint.load(settings, lambda _share, _what: None)
        synchronize(loaded.device)
        return time.perf_counter() - started
