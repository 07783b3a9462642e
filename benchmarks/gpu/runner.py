"""Runs the steps in order and records the result of each at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gpu.step import Step, StepResult
from infill_completion.engine.bench.journal import Journal

LEAST_S = 3.0  # less is not enough to import torch


def run_steps(steps: Sequence[Step], out: Path, total_s: float, least_s: float = LEAST_S) -> list[StepResult]:
    """Run all steps; one that fails or is killed never stops the next ones.

    Args:
        steps: In order.
        out: Folder of ``results.jsonl``, which gets one line after each step, and of the output of each step.
        total_s: Seconds for all of them.
        least_s: A step that has less time left is not started.

    Returns:
        The result of each step.
    """
    out.mkdir(parents=True, exist_ok=True)
    journal, until = Journal(out / "results.jsonl"), time.monotonic() + total_s
    results = []
    for step in steps:
        print(f"\n# {step.name}", flush=True)
        left = until - time.monotonic()
        log = out / f"step-{step.name.split()[0].lower()}.log"
        result = step.run(left, log) if left >= least_s else step.left_out()
        journal.append(**asdict(result))
        results.append(result)
        print("\n".join(result.last_lines), flush=True)
        print(f"{'ok' if result.is_ok else _failure(result)}, {result.seconds:.1f} s", flush=True)
    return results


def _failure(result: StepResult) -> str:
    if result.timed_out:
        return "TIMED OUT"
    return "NOT RUN" if result.rc is None else f"FAILED, exit code {result.rc}"
