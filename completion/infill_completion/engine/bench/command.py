"""``python -P -m infill_completion.engine.bench``: the loop beside transformers' ``generate()`` on the same weights.

A run measures the copy bandwidth of the device, and for each model decoding, prefill, keystrokes and cancelling.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.bench.chart import chart
from infill_completion.engine.bench.journal import Journal
from infill_completion.engine.bench.machine import busy_neighbours, copy_bandwidth, device_name, versions
from infill_completion.engine.bench.measurement import measure_model, quietly
from infill_completion.engine.bench.plan import DEFAULT, ON_REQUEST, MeasurementPlan
from infill_completion.engine.bench.random_weights import SHAPES
from infill_completion.engine.bench.report import DecodeReport, ModelReport, table
from infill_completion.engine.bench.subject import Subject, drawn, stored
from infill_completion.engine.checkpoints import devices, selection
from infill_completion.engine.errors import ModelError
from infill_completion.settings import EngineSettings

environment.prepare()

EXIT_ERROR = 2
DEFAULT_BUDGET_S = 540.0
_CONTEXTS = {"cuda": (0, 2048, 8192), "cpu": (0, 256, 1000)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and write JSON and a chart if asked.

    Returns:
        The exit code: 0, 1 if nothing could be measured, 2 for wrong options.
    """
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
        print("infill-ls: The chart needs matplotlib; run `pip install matplotlib`.", file=sys.stderr)  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infill-ls bench decode", description=__doc__)
    parser.add_argument("--model", help="hub id, path, `auto` or `embedded` (default: `auto`)")
    parser.add_argument(
        "--shape", help=f"random weights instead of a model: {', '.join(SHAPES)}; separate several with commas"
    )
    parser.add_argument("--device", default="auto", help="as the setting engine.device")
    parser.add_argument("--quantization", default="auto", choices=("auto", "nf4", "int8", "int4", "none"))
    parser.add_argument("--context", help="prompt lengths, such as 0,2048,8192")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to decode in each run (default 64)")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts (default 3)")
    parser.add_argument("--no-reference", action="store_true", help="do not measure transformers' generate()")
    parser.add_argument("--reference-tokens", type=int, metavar="N",
                        help="decode N tokens with generate(), once and without a warm-up")  # fmt: skip
    parser.add_argument("--only", default=",".join(DEFAULT), metavar="NAMES",
                        help=f"measure only these of {', '.join((*DEFAULT, *ON_REQUEST))}")  # fmt: skip
    parser.add_argument("--neighbours", type=int, default=0, help="keep this many other processes busy during the run")
    parser.add_argument("--budget", type=float, default=DEFAULT_BUDGET_S, metavar="SECONDS",
                        help="start no measurement after this time (default 540)")  # fmt: skip
    parser.add_argument("--note", default="", help="a remark to store with the figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--jsonl", type=Path, metavar="FILE", help="append each figure to this file when it is known")
    parser.add_argument(
        "--chart", type=Path, metavar="FILE.png", help="draw the decoding speed to this file (needs matplotlib)"
    )
    return parser


def run(options: argparse.Namespace) -> DecodeReport:
    """Measure what the options ask for.

    Raises:
        ModelError: A model, shape or device is not available.
    """
    device = devices.choose_device(options.device)
    devices.make_current(device)
    plan = MeasurementPlan(
        contexts=_contexts(options.context, device),
        tokens=max(2, options.tokens),
        repeats=max(1, options.repeats),
        reference=not options.no_reference,
        until=time.monotonic() + options.budget,
        only=_only(options.only),
        reference_tokens=None if options.reference_tokens is None else max(2, options.reference_tokens),
        journal=Journal(options.jsonl),
    )
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    bandwidth = copy_bandwidth(device)
    report = DecodeReport(
        device_name(device), bandwidth, versions(), load_average=load_average, neighbours=options.neighbours,
        note=options.note,
    )  # fmt: skip
    plan.journal.append(measurement="machine", device=report.device, copy_bandwidth_bytes_s=bandwidth)
    subjects = _subjects(options, max(plan.contexts), compares=plan.compares)
    with busy_neighbours(options.neighbours):
        for name, make in subjects.items():
            if not plan.in_time():
                report.failures.append(f"{name}: out of time")
                continue
            measured = quietly(partial(_made, make, plan, bandwidth), report.failures, name)
            report.models += [measured] if measured else []
            if not measured:
                plan.journal.append(model=name, measurement="model", failed=report.failures[-1])
            if options.json:  # after each model, so that an interrupted run keeps its figures
                options.json.write_text(report.to_json(), encoding="utf-8")
            _free()
    return report


def _contexts(text: str | None, device: torch.device) -> tuple[int, ...]:
    if text is None:
        return _CONTEXTS.get(device.type, _CONTEXTS["cpu"])
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ModelError(f"--context takes numbers separated by commas, such as 0,2048,8192, not {text!r}.") from None


def _only(text: str) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in {*DEFAULT, *ON_REQUEST}]:
        raise ModelError(f"There is no measurement `{unknown[0]}`; choose from {', '.join((*DEFAULT, *ON_REQUEST))}.")
    return frozenset(names)


def _subjects(options: argparse.Namespace, context_tokens: int, *, compares: bool) -> dict[str, Callable[[], Subject]]:
    settings = EngineSettings(
        model=options.model or "auto", quantization=options.quantization, device=options.device,
        context_tokens=max(1024, context_tokens + 512),
    )  # fmt: skip
    if options.shape is None:
        selection.choose_model(settings, devices.choose_device(settings.device))  # raises if it is missing
        return {settings.model: partial(stored, settings, whole_window=True, compares=compares)}
    names = [name.strip().lower() for name in options.shape.split(",")]
    if unknown := [name for name in names if name not in SHAPES]:
        raise ModelError(f"There is no shape `{unknown[0]}`; choose from {', '.join(SHAPES)}.")
    return {name: partial(drawn, name, settings, compares=compares) for name in names}


def _made(make: Callable[[], Subject], plan: MeasurementPlan, bandwidth: float) -> ModelReport:
    return measure_model(make(), plan, bandwidth)


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
