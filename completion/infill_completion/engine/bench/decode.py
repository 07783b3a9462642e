"""``python -P -m infill_completion.engine.bench``: the loop beside transformers' ``generate()`` on the same weights.

One run measures the copy bandwidth of the device, then for each model decoding, prefill, keystrokes and cancelling.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.bench import measure
from infill_completion.engine.bench.keystroke import keystroke
from infill_completion.engine.bench.models import SHAPES, Subject, drawn, stored
from infill_completion.engine.bench.report import ModelReport, Report, chart, device_name, table, versions
from infill_completion.engine.bench.speculation import speculation
from infill_completion.engine.checkpoints import checkpoint, devices, selection
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings

environment.prepare()

EXIT_ERROR = 2
DEFAULT_BUDGET_S = 540.0
_CONTEXTS = {"cuda": (0, 2048, 8192), "cpu": (0, 256, 1000)}


@dataclass(frozen=True)
class Plan:
    """What to measure of each model."""

    contexts: tuple[int, ...]
    tokens: int
    repeats: int
    reference: bool
    until: float

    def in_time(self) -> bool:
        """Tell whether there is time for another measurement."""
        return time.monotonic() < self.until


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table; write JSON and a chart where asked; 1 where nothing worked, 2 for a wrong request."""
    options = _parser().parse_args(arguments)
    try:
        report = run(options)
    except ModelError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR
    print(table(report))  # noqa: T201
    if not report.models:
        print("infill-ls: Nothing was measured; the lines above say why.", file=sys.stderr)  # noqa: T201
        return 1
    if options.chart and not chart(report, options.chart):
        print("infill-ls: No chart without matplotlib; run `pip install matplotlib`.", file=sys.stderr)  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infill-ls bench decode", description=__doc__)
    parser.add_argument("--model", help="hub id, path, `auto` or `embedded` (default: `auto`)")
    parser.add_argument("--shape", help=f"random weights instead: {', '.join(SHAPES)}; several with commas")
    parser.add_argument("--device", default="auto", help="as the setting engine.device")
    parser.add_argument("--quantization", default="auto", choices=("auto", "nf4", "int8", "none"))
    parser.add_argument("--context", help="prompt lengths, such as 0,2048,8192")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to decode in each run (default 64)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the fastest counts (default 3)")
    parser.add_argument("--no-reference", action="store_true", help="leave transformers' generate() out")
    parser.add_argument("--neighbours", type=int, default=0, help="keep that many other processes busy meanwhile")
    parser.add_argument("--budget", type=float, default=DEFAULT_BUDGET_S, metavar="SECONDS",
                        help="start no measurement after this time (default 540)")  # fmt: skip
    parser.add_argument("--note", default="", help="a sentence to keep with the figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--chart", type=Path, metavar="FILE.png", help="draw decoding there (needs matplotlib)")
    return parser


def run(options: argparse.Namespace) -> Report:
    """Measure what the options ask for.

    Raises:
        ModelError: A model, shape or device is not there.
    """
    device = devices.choose_device(options.device)
    plan = Plan(
        contexts=_contexts(options.context, device),
        tokens=max(2, options.tokens),
        repeats=max(1, options.repeats),
        reference=not options.no_reference,
        until=time.monotonic() + options.budget,
    )
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    bandwidth = measure.copy_bandwidth(device)
    report = Report(
        device_name(device), bandwidth, versions(), load_average=load_average, neighbours=options.neighbours,
        note=options.note,
    )  # fmt: skip
    subjects = _subjects(options, max(plan.contexts))
    with measure.busy_neighbours(options.neighbours):
        for name, make in subjects.items():
            if not plan.in_time():
                report.failures.append(f"{name}: out of time")
                continue
            measured = measure.quietly(partial(_made, make, plan, bandwidth), report.failures, name)
            report.models += [measured] if measured else []
            if options.json:  # after each, so that a run that is cut off leaves what it had
                options.json.write_text(report.to_json(), encoding="utf-8")
            _free()
    return report


def _contexts(text: str | None, device: torch.device) -> tuple[int, ...]:
    if text is None:
        return _CONTEXTS.get(device.type, _CONTEXTS["cpu"])
    try:
        return tuple(sorted(int(part) for part in text.split(",")))
    except ValueError:
        raise ModelError(f"--context takes numbers with commas, such as 0,2048,8192, not {text!r}.") from None


def _subjects(options: argparse.Namespace, context_tokens: int) -> dict[str, Callable[[], Subject]]:
    settings = EngineSettings(
        model=options.model or "auto", quantization=options.quantization, device=options.device,
        context_tokens=max(1024, context_tokens + 512),
    )  # fmt: skip
    if options.shape is None:
        selection.choose_model(settings, devices.choose_device(settings.device))  # tells what is missing
        return {settings.model: partial(stored, settings, whole_window=True)}
    names = [name.strip().lower() for name in options.shape.split(",")]
    if unknown := [name for name in names if name not in SHAPES]:
        raise ModelError(f"There is no shape `{unknown[0]}`; choose from {', '.join(SHAPES)}.")
    return {name: partial(drawn, name, settings) for name in names}


def _made(make: Callable[[], Subject], plan: Plan, bandwidth: float) -> ModelReport:
    return _measured(make(), plan, bandwidth)


def _measured(subject: Subject, plan: Plan, bandwidth: float) -> ModelReport:
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
        return measure.quietly(work, report.failures, what)

    def decode(context: int, candidates: int = 1) -> None:
        row = tried(
            f"decode {candidates} at {context}",
            lambda: measure.decode(
                subject, context, bandwidth, tokens=plan.tokens, candidates=candidates, repeats=plan.repeats,
                reference=plan.reference, others=others,
            ),
        )  # fmt: skip
        report.decode += [row] if row else []

    def type_at(row: measure.Decode) -> None:
        timed = tried("keystroke", lambda: keystroke(subject, row.context_tokens))
        report.keystroke += [timed] if timed else []

    others = tried("variants", lambda: measure.variants(subject)) or {}
    contexts = sorted({min(context, longest - 1) for context in plan.contexts})
    for context in contexts:
        decode(context)
    for row in [row for row in report.decode if row.context_tokens > 64][:2]:
        type_at(row)
    decode(contexts[len(contexts) // 2], candidates=4)
    if not subject.is_random:  # random weights never write what stands in the text
        context = contexts[len(contexts) // 2]
        report.speculation = tried("speculation", lambda: speculation(subject, context, plan.repeats))
    report.cancel = tried("cancel", lambda: measure.cancel(subject, contexts[-1]))
    report.resident_bytes = measure.resident_bytes(device)
    if subject.is_random and device.type == "cuda":
        report.reload_s = tried("load from a 4-bit checkpoint", lambda: _reloaded(subject))
    others.clear()
    generator.close()
    return report


def _reloaded(subject: Subject) -> float:
    """Write the weights as a 4-bit checkpoint and return the seconds that loading it takes from the page cache."""
    from infill_completion.engine.checkpoints.quantize import save

    with tempfile.TemporaryDirectory(prefix="infill-ls-bench-") as name:
        folder = Path(name)
        save(subject.model, selection.EMBEDDED, folder)
        settings = EngineSettings(model=str(folder), device=subject.generator.device)
        started = time.perf_counter()
        loaded = checkpoint.load(settings, lambda _share, _what: None)
        measure.synchronize(loaded.device)
        return time.perf_counter() - started


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
