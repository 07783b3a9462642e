"""Everything that is measured on one model, within a time budget."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.bench.cancel import cancel
from infill_completion.engine.bench.decode import DecodeRates, decode, variants
from infill_completion.engine.bench.keystroke import keystroke
from infill_completion.engine.bench.machine import memory_bytes, synchronize
from infill_completion.engine.bench.report import ModelReport
from infill_completion.engine.bench.speculation import speculation
from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.checkpoints import checkpoint, selection
from infill_completion.engine.decoding.generator import Generator
from infill_completion.settings import EngineSettings

environment.prepare()


@dataclass(frozen=True)
class MeasurementPlan:
    """What to measure on each model.

    Attributes:
        contexts: Prompt lengths in tokens.
        tokens: Tokens to decode in each run.
        repeats: Runs of each measurement.
        reference: Whether to measure transformers' ``generate()`` too.
        until: Time of ``time.monotonic`` after which no measurement starts.
    """

    contexts: tuple[int, ...]
    tokens: int
    repeats: int
    reference: bool
    until: float

    def in_time(self) -> bool:
        """Return whether there is time for another measurement."""
        return time.monotonic() < self.until


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
    longest = generator.model.context_tokens

    def tried(what: str, work: Callable[[], Any]) -> Any:
        if not plan.in_time():
            report.failures.append(f"{what}: out of time")
            return None
        return quietly(work, report.failures, what)

    def add_decode(context: int, candidates: int = 1) -> None:
        row = tried(
            f"decode {candidates} at {context}",
            lambda: decode(
                subject, context, bandwidth, tokens=plan.tokens, candidates=candidates, repeats=plan.repeats,
                reference=plan.reference, others=others,
            ),
        )  # fmt: skip
        report.decode += [row] if row else []

    def add_keystroke(row: DecodeRates) -> None:
        timed = tried("keystroke", lambda: keystroke(subject, row.context_tokens))
        report.keystroke += [timed] if timed else []

    others = tried("variants", lambda: variants(subject)) or {}
    contexts = sorted({min(context, longest - 1) for context in plan.contexts})
    for context in contexts:
        add_decode(context)
    for row in [row for row in report.decode if row.context_tokens > 64][:2]:
        add_keystroke(row)
    add_decode(contexts[len(contexts) // 2], candidates=4)
    if not subject.is_random:  # random weights never copy the text
        context = contexts[len(contexts) // 2]
        report.speculation = tried("speculation", lambda: speculation(subject, context, plan.repeats))
    report.cancel = tried("cancel", lambda: cancel(subject, contexts[-1]))
    report.resident_bytes = memory_bytes(device)
    _report_graphs(report, generator)
    if subject.is_random and device.type == "cuda":
        report.reload_s = tried("load from a 4-bit checkpoint", lambda: _reloaded(subject))
    others.clear()
    generator.close()
    return report


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
