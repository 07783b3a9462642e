"""``python -m tests.fuzz``: fuzz the faces of the product for some time, several at once.

An input that breaks a promise is written to ``tests/fuzz/corpus``, where the tests find it from then on.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz.fuzzer import FuzzReport, fuzz, keep
from tests.fuzz.registry import TARGETS


def main() -> int:
    """Fuzz and print a table; returns 1 if something was found."""
    parser = argparse.ArgumentParser(description="Fuzz the faces of infill-ls.")
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="for each target (default 3600)")
    parser.add_argument("--repeatable", action="store_true", help="inputs that depend on nothing but the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    found = 0
    print(f"{'target':16}{'executions':>12}{'corpus':>8}{'lines':>8}{'findings':>10}", flush=True)
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, report in zip(names, pool.map(_fuzz, names, *_repeated(options, len(names))), strict=True):
            sums = f"{report.executions:12,}{report.corpus:8}{report.lines:8}{len(report.findings):10}"
            print(f"{name:16}{sums}", flush=True)
            for finding in report.findings:
                print(f"\n{keep(TARGETS[name], finding.data)}:\n{finding.report}", flush=True)
            found += len(report.findings)
    return 1 if found else 0


def _repeated(options: argparse.Namespace, count: int) -> tuple[list[int], list[float], list[bool]]:
    return [options.seed] * count, [options.seconds] * count, [not options.repeatable] * count


def _fuzz(name: str, seed: int, seconds: float, is_guided: bool) -> FuzzReport:
    return fuzz(TARGETS[name], seed=seed, seconds=seconds, is_guided=is_guided)


if __name__ == "__main__":
    raise SystemExit(main())
