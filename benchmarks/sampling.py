"""The effect of temperature, top_p, max_tokens and candidates: holes in held-out files, through the whole pipeline.

``python -m benchmarks.sampling`` needs ``training/run/held_out.jsonl`` (see ``training/README.md``) and uses the holes
of the model card.  All settings are tried at one hole before the next one, so the prompt is in the engine's KV cache,
as it is while a user types, and the times are those of decoding.  ``benchmarks.sampling_plots`` draws the results.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infill_completion import __version__
from infill_completion.api import Engine, EngineState
from infill_completion.client.connect import engine_for
from infill_completion.document.snapshot import Snapshot, Trigger
from infill_completion.settings import CompletionSettings, EngineSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_server.commands.bench.keystroke_report import percentile
from infill_server.commands.bench.quality.intervals import wilson
from training.evaluate import HeldOutHole, holes
from training.export import EMBEDDED

RESULTS = Path(__file__).parent / "results" / "sampling.json"
HELD_OUT = Path("training/run/held_out.jsonl")
LOAD_DEADLINE_S = 600.0
# Long enough that a busy machine cuts nothing short.
DEADLINE_MS = 20_000
TEMPERATURES = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
TOP_PS = (0.5, 0.7, 0.9, 1.0)
MAX_TOKENS = (4, 8, 16, 32, 64, 128)
CANDIDATES = (1, 3, 5)


@dataclass
class Tally:
    """The results of one setting.

    Attributes:
        chosen: The values of the settings.
        first: For each hole, whether the first suggestion was the rest of the line.
        among: Whether any suggestion was.
        different: Number of distinct suggestions.
        lines: Number of lines of the first suggestion; 0 if there was none.
        times_ms: Time from the request to the answer.
    """

    chosen: dict[str, Any]
    first: list[bool] = field(default_factory=list)
    among: list[bool] = field(default_factory=list)
    different: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    def add(self, hole: HeldOutHole, texts: Sequence[str], elapsed_ms: float) -> None:
        """Record the suggestions for one hole, best first."""
        hits = [hole.hit(text.split("\n")[0]) for text in texts]
        self.first.append(hits[:1] == [True])
        self.among.append(any(hits))
        self.different.append(len(set(texts)))
        self.lines.append(texts[0].rstrip("\n").count("\n") + 1 if texts else 0)
        self.times_ms.append(elapsed_ms)

    def summary(self) -> dict[str, Any]:
        """Return the figures; shares are between 0 and 1, the confidence interval is 95 %."""
        count = len(self.first)
        shown = [lines for lines in self.lines if lines]
        return {
            **self.chosen,
            "first_exact": sum(self.first) / count,
            "first_interval": wilson(sum(self.first), count),
            "any_exact": sum(self.among) / count,
            "shown_share": len(shown) / count,
            "mean_different": statistics.fmean(self.different),
            "mean_lines": statistics.fmean(shown) if shown else 0.0,
            "p50_ms": percentile(self.times_ms, 0.5),
            "p90_ms": percentile(self.times_ms, 0.9),
        }


def choices() -> Iterator[dict[str, Any]]:
    """Yield each combination of settings once; only those for max_tokens ask for more than the rest of a line."""
    line = {"multiline": "never", "max_tokens": 128, "candidates": 1}
    for temperature in TEMPERATURES:
        for top_p in (0.9, 1.0):
            yield line | {"temperature": temperature, "top_p": top_p}
    for temperature in (0.1, 0.8):
        for top_p in TOP_PS:
            if top_p < 0.9:
                yield line | {"temperature": temperature, "top_p": top_p}
    for temperature in (0.1, 0.4, 0.8):
        for candidates in CANDIDATES[1:]:
            yield line | {"temperature": temperature, "top_p": 0.9, "candidates": candidates}
    for max_tokens in MAX_TOKENS:
        yield line | {"multiline": "always", "temperature": 0.1, "top_p": 0.9, "max_tokens": max_tokens}


async def ask(engine: Engine, hole: HeldOutHole, chosen: dict[str, Any]) -> tuple[list[str], float]:
    """Return the suggestions for ``hole`` from the cursor on, best first, and the milliseconds they took."""
    completion = replace(CompletionSettings(seed=1, deadline_ms=DEADLINE_MS), **chosen)
    # A new one each time, so that no answer is remembered.
    completer = Completer(engine, Settings(completion=completion))
    text, offset = hole.prefix + hole.suffix, len(hole.prefix)
    started = time.perf_counter()
    answer = await completer.complete(Snapshot(f"file:///{hole.name}", 1, "python", text, offset, Trigger.INVOKED))
    elapsed_ms = (time.perf_counter() - started) * 1000
    await completer.aclose()
    return [suggestion.text[offset - suggestion.start :] for suggestion in answer.suggestions], elapsed_ms


async def measure(wanted: Sequence[HeldOutHole], tallies: Sequence[Tally], model: str) -> str:
    """Fill the tallies and return the model's name.

    Raises:
        RuntimeError: The engine could not start; the message is a sentence with the next step.
    """
    engine = engine_for(Settings(engine=EngineSettings(model=model)))
    try:
        await engine.start()
        health = await engine.wait_ready(LOAD_DEADLINE_S)
        if health.state is not EngineState.READY:
            raise RuntimeError(health.reason)
        for number, hole in enumerate(wanted):
            await ask(engine, hole, tallies[0].chosen)  # fills the KV cache
            for tally in tallies:
                tally.add(hole, *await ask(engine, hole, tally.chosen))
            print(f"\r{number + 1} of {len(wanted)} holes", end="", flush=True)
        print()
        return health.model
    finally:
        await engine.aclose()


def main() -> None:
    """Measure, print the table and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampling", description=__doc__)
    parser.add_argument("--held-out", type=Path, default=HELD_OUT, metavar="FILE")
    parser.add_argument("--count", type=int, default=200, help="number of holes (default 200)")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--note", default="", help="a remark to store with the figures")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    tallies = [Tally(chosen) for chosen in choices()]
    model = asyncio.run(measure(holes(options.held_out, options.count), tallies, options.model))
    figures = [tally.summary() for tally in tallies]
    for row in figures:
        names = f"t {row['temperature']:.1f}  p {row['top_p']:.1f}  n {row['candidates']}  max {row['max_tokens']:3}"
        shares = f"first {row['first_exact']:.3f}  any {row['any_exact']:.3f}  different {row['mean_different']:.2f}"
        print(f"{names}  {row['multiline']:6}  {shares}  lines {row['mean_lines']:.1f}  {row['p50_ms']:.0f} ms")
    machine: dict[str, Any] = {"cores": os.cpu_count(), "load_average": round(load_before, 1)}
    report: dict[str, Any] = {
        "model": model,
        "version": __version__,
        "holes": options.count,
        "machine": machine,
        "note": options.note,
    }
    if options.model == "embedded":
        report["trained_tokens"] = json.loads((EMBEDDED / "infill.json").read_text("utf-8"))["trained_tokens"]
    options.json.write_text(json.dumps({**report, "figures": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
