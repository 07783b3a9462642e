"""What busy neighbours cost the loop, beside what they cost any program: ``python -m benchmarks.neighbours``.

A process that shares the cores gets less time of them, and each second of it is worth less, because others fill the
caches and the memory's lines.  The first is the scheduler's doing, the second hits every program; a loop that waits in
vain for threads that are not running loses more than both.  So each contestant runs for seconds, beside none, one and
two processes that never pause, in turns; printed are its rate, its share of a core and its rate in a second of that.
Two of them are measured twice: as processes like this one, and as what a build in a terminal is to the engine, two
processes of a session of their own.
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
_STEP_BYTES = (
    10 << 20
)  # about what a step reads behind some hundred tokens: more than a core's cache, less than all of it

Work = Callable[[], float]  # does some and returns how much it was


@dataclass(frozen=True)
class Row:
    """One contestant beside some neighbours, medians of all rounds.

    Attributes:
        name: Of the contestant.
        neighbours: Busy processes besides, a key of :data:`NEIGHBOURS`.
        rate: Of its work in a second on the clock.
        cores: Processor time a second on the clock: 1 is a core of its own.
        rate_of_core: Of its work in a second of processor time.
    """

    name: str
    neighbours: str
    rate: float
    cores: float
    rate_of_core: float


def contestants(contexts: tuple[int, ...]) -> dict[str, Work]:
    """Return the loop at some lengths of context and three plain works, all on one thread."""
    from infill_completion.engine.bench import workload
    from infill_completion.engine.bench.subject import stored
    from infill_completion.settings import EngineSettings

    import torch  # isort: skip  # behind the engine's environment

    subject = stored(EngineSettings(model="embedded", context_tokens=1024), whole_window=True)
    bare = workload.endless(subject.generator, shipped=False)

    def loop(context: int) -> Work:
        request = workload.request_of(bare, context, TOKENS)

        def work() -> float:
            workload.run(bare, request)  # the prompt stays in its slot: all but one token is decoding
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
    """Return how much was done, the seconds it took, and those of processor time."""
    work()
    done, began, used = 0.0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        done += work()
    return done, time.perf_counter() - began, time.process_time() - used


def measured(works: dict[str, Work], seconds: float, rounds: int) -> Iterator[Row]:
    """Let all contestants take turns beside every number of neighbours, several rounds."""
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
        yield Row(name, beside, rate, cores, median(done / used for done, _, used in runs))


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown; shares are of the same contestant without neighbours."""
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
    """Measure, print a table, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contexts", default="246,984", help="tokens of context, with commas")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
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
