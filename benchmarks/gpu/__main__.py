"""``python -m benchmarks.gpu``: tests and measurements on a CUDA device; ``benchmarks/gpu.sh`` prepares the paths."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from benchmarks.gpu.plan import plan
from benchmarks.gpu.runner import run_steps
from benchmarks.gpu.summary import table


def main() -> int:
    """Run all steps and print a table; return 1 if a step failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--shapes", default="7b,13b,34b", help="shapes of random weights, at most three")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gpu"), help="folder of the results")
    parser.add_argument("--total", type=float, default=590.0, metavar="SECONDS", help="limit of the run (default 590)")
    parser.add_argument("--steps", default="", help="letters of the steps to run, such as ABD (default: all)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the running step is killed too
    jsonl = options.out.resolve() / "results.jsonl"
    jsonl.unlink(missing_ok=True)
    steps = plan(options.device, options.shapes.split(","), jsonl, options.steps)
    results = run_steps(steps, jsonl.parent, options.total)
    print(f"\n{table(jsonl)}\n\ntook {sum(result.seconds for result in results):.0f} s; figures in {jsonl}")
    return int(not all(result.is_ok for result in results))


if __name__ == "__main__":
    sys.exit(main())
