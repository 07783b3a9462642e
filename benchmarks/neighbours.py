"""The cost of busy neighbour processes for the loop and for any program: ``python -m benchmarks.neighbours``.

A process that shares the cores gets less time on them, and each second is worth less, because other processes fill the
caches and use the memory bandwidth.  The first effect is the operating system's scheduling, the second affects every
program; a loop that waits for threads that are not running loses more than both.  So each contestant runs for some
seconds beside no, one and two processes that never pause, in turns.  The table has its rate, its share of a core, and
its rate per second of processor time.  Two neighbours are measured twice: as processes of the benchmark's own session,
and as two processes of another session, which is what a build in a terminal is to the engine.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

NEIGHBOURS = {"none": (0, False), "one": (1, False), "two": (2, False), "two of another session": (2, True)}
TOKENS = 64
# About what a step reads after some hundred tokens: more than the cache of one core, less than the whole cache.
_STEP_BYTES = 10 << 20

Work = Callable[[], float]  # does some work and returns how much


@dataclass(frozen=True)
class NeighbourRow:
    """One contestant beside some neighbours, medians over all rounds.

    Attributes:
        name: Name of the contestant.
        neighbours: Other busy processes, a key of :data:`NEIGHBOURS`.
        rate: Work per second of wall time.
        cores: Processor time per second of wall time; 1 is a core of its own.
        rate_of_core: Work per second of processor time.
    """

    name: str
    neighbours: str
    rate: float
    cores: float
    rate_of_core: float


def contestants(contexts: tuple[int, ...]) -> dict[str, Work]:
    """Return the loop at several context lengths, and three plain workloads, all with one thread."""
    from infill_completion.engine.bench import workload
    from infill_completion.engine.bench.subject import stored
    from infill_completion.settings import EngineSettings

    import torch  # isort: skip  # after the engine's environment

    subject = stored(EngineSettings(model="embedded", context_tokens=1024), whole_window=True)
    loop_alone = workload.endless(subject.generator, shipped=False)

    def loop(context: int) -> Work:
        request = workload.request_of(loop_alone, context, TOKENS)

        def work() -> float:
            workload.run(loop_alone, request)  # the prompt stays in its slot, so all tokens but one are decoded
            return TOKENS

        return work

    square, weights = torch.randn(64, 64), torch.ones(_STEP_BYTES // 4)
    large = torch.ones(64 << 20, dtype=torch.uint8)
    target = torch.empty_like(large)

    def product() -> float:
        for _ in range(2000):
            torch.mm(square, square)
        return 2000 * 2 * 64**3 / 1e9

    def read() -> float:
        for _ in range(20):
            weights.sum()
        return 20 * _STEP_BYTES / 1e9

    def copy() -> float:
        target.copy_(large)
        return large.numel() / 1e9

    found = {f"loop, {context} tokens of context, tokens/s": loop(context) for context in contexts}
    found["products in the core's own cache, GFLOP/s"] = product
    found[f"reading the same {_STEP_BYTES >> 20} MB over and over, GB/s"] = read
    return {**found, "copying 64 MB, GB/s": copy}


def _for(seconds: float, work: Work) -> tuple[float, float, float]:
    """Return the amount of work done, the seconds of wall time, and the seconds of processor time."""
    work()
    done, began, used = 0.0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        done += work()
    return done, time.perf_counter() - began, time.process_time() - used


def measured(works: dict[str, Work], seconds: float, rounds: int) -> Iterator[NeighbourRow]:
    """Run all contestants in turns beside each set of neighbours, in several rounds."""
    from infill_completion.engine.bench.machine import busy_neighbours

    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for beside, (count, of_another_session) in NEIGHBOURS.items():
            with busy_neighbours(count, of_another_session=of_another_session):
                for name, work in works.items():
                    found.setdefault((name, beside), []).append(_for(seconds, work))
    for (name, beside), runs in found.items():
        rate = median(done / clock for done, clock, _ in runs)
        cores = median(used / clock for _, clock, used in runs)
        yield NeighbourRow(name, beside, rate, cores, median(done / used for done, _, used in runs))


def table(rows: list[NeighbourRow]) -> str:
    """Return the rows as Markdown; ratios are to the same contestant without neighbours."""
    alone = {row.name: row for row in rows if row.neighbours == "none"}
    lines = [
        "| contestant | busy neighbours | rate | of the rate alone | cores | rate a core, of that alone |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        first = alone[row.name]
        lines.append(
            f"| {row.name} | {row.neighbours} | {row.rate:.1f} | {row.rate / first.rate:.2f} | {row.cores:.2f} "
            f"| {row.rate_of_core / first.rate_of_core:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contexts", default="246,984", help="tokens of context, separated by commas")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each run (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    options = parser.parse_args()
    works = contestants(tuple(int(part) for part in options.contexts.split(",")))
    load = os.getloadavg()[0]
    rows = list(measured(works, options.seconds, options.rounds))
    print(table(rows))
    if options.json:
        from infill_completion.engine.bench.machine import versions

        report: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "load_average": load}
        report |= {"versions": versions(), "seconds": options.seconds, "rounds": options.rounds}
        options.json.write_text(json.dumps({**report, "rows": [asdict(row) for row in rows]}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
