"""Our loop beside llama.cpp on the same weights and prompt, alone and with one and two busy neighbour processes.

Run ``python -m benchmarks.llama_cpp``; needs ``pip install llama-cpp-python gguf`` (the first is compiled for this
machine, which takes minutes).  The two take turns, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import gguf_file

GREEDY_TOKENS = 24
NEIGHBOURS = (0, 1, 2)


@dataclass(frozen=True)
class Row:
    """One engine under one condition; ``same_tokens`` counts the greedy tokens that agree with transformers' own."""

    engine: str
    weights: str
    threads: int
    neighbours: int
    tokens_per_s: float
    prefill_ms: float
    same_tokens: int | None = None


def missing() -> list[str]:
    """Return the packages that have to be installed first."""
    return [name for name in ("llama_cpp", "gguf") if importlib.util.find_spec(name) is None]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Ours:
    """Our engine in this process."""

    def __init__(self, model: str, context_tokens: int, tokens: int) -> None:
        from infill_completion.engine.bench import measure, models
        from infill_completion.settings import EngineSettings

        self._measure = measure
        self.subject = models.stored(EngineSettings(model=model, device="cpu"))
        self.bare = measure.endless(self.subject.generator, shipped=False)
        self.request = measure.request_of(self.bare, context_tokens, tokens)
        self.prompt = list(self.bare.model.prompt(self.request).ids)
        self._others = [measure.request_of(self.bare, context_tokens, 1, skip_lines=200 * n) for n in range(1, 5)]

    def greedy(self, tokens: int) -> list[int]:
        """Return the likeliest tokens behind the prompt, from a full forward pass of transformers for each."""
        import torch

        ids = list(self.prompt)
        with torch.inference_mode():
            for _ in range(tokens):
                ids.append(int(self.subject.model(torch.tensor([ids])).logits[0, -1].argmax()))
        return ids[len(self.prompt) :]

    def row(self, neighbours: int, repeats: int) -> Row:
        """Measure once more."""
        rate = max([self._measure.ours_per_second(self.bare, self.request) for _ in range(repeats + 1)][1:])
        self.bare.model.slots.clear()  # or the last turn would find its prompts in the cache
        prefill = [self._measure.run(self.bare, request).timings["prefill_ms"] for request in self._others]
        details = self.subject.generator.details
        held = str(details["dtype"] if details["quantization"] == "none" else details["quantization"])
        return Row("infill-ls", held, int(details["threads"]), neighbours, rate, min(prefill))


def llama_row(file: Path, kind: str, threads: int, neighbours: int, ours: Ours, tokens: int, repeats: int) -> Row:
    """Measure llama.cpp in a process of its own."""
    task = {
        "file": str(file), "prompt": ours.prompt, "tokens": tokens, "threads": threads, "repeats": repeats,
        "greedy_tokens": GREEDY_TOKENS,
    }  # fmt: skip
    from infill_completion.engine.environment import SETTINGS

    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    command = [sys.executable, "-m", "benchmarks.llama_cpp_worker"]
    done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip() or "llama.cpp failed.")
    figures = json.loads(done.stdout.splitlines()[-1])
    wanted = ours.greedy(GREEDY_TOKENS) if neighbours == 0 else []
    same = next(
        (at for at, pair in enumerate(zip(wanted, figures["greedy"], strict=False)) if pair[0] != pair[1]), len(wanted)
    )
    return Row(
        "llama.cpp", kind, threads, neighbours, figures["tokens_per_s"], figures["prefill_ms"],
        same if wanted else None,
    )  # fmt: skip


def measure(options: argparse.Namespace) -> list[Row]:
    """Return one row for each engine, precision, number of threads and neighbours."""
    from infill_completion.engine.bench.measure import busy_neighbours
    from infill_completion.engine.checkpoints import selection

    ours = Ours(options.model, options.context, options.tokens)
    rows = []
    with tempfile.TemporaryDirectory(prefix="infill-ls-gguf-") as name:
        files = {kind: Path(name) / f"{kind}.gguf" for kind in gguf_file.KINDS}
        for kind, file in files.items():
            gguf_file.write(selection.find(options.model), file, kind)
        for neighbours in NEIGHBOURS:
            with busy_neighbours(neighbours):
                rows.append(ours.row(neighbours, options.repeats))
                for kind, file in files.items():
                    for threads in sorted({1, _cores()}):
                        row = llama_row(file, kind, threads, neighbours, ours, options.tokens, options.repeats)
                        rows.append(row)
                rows.append(ours.row(neighbours, options.repeats))
    return rows


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| engine | weights | threads | busy neighbours | tokens/s | prefill ms | greedy tokens equal |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        same = "" if row.same_tokens is None else f"{row.same_tokens} of {GREEDY_TOKENS}"
        lines.append(
            f"| {row.engine} | {row.weights} | {row.threads} | {row.neighbours} | {row.tokens_per_s:.1f} "
            f"| {row.prefill_ms:.1f} | {same} |"
        )
    return "\n".join(lines)


def report(rows: list[Row], note: str) -> dict[str, Any]:
    """Return the figures with where and with what they were measured."""
    import torch

    from infill_completion.engine.bench.report import Report, device_name, versions

    head = Report(device_name(torch.device("cpu")), 0.0, versions())
    return {
        "device": head.device,
        "date": head.date,
        "versions": head.versions | {"llama-cpp-python": importlib.metadata.version("llama-cpp-python")},
        "load_average": os.getloadavg()[0],
        "note": note,
        "rows": [asdict(row) for row in rows],
    }


def main() -> None:
    """Measure, print a table, write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded", help="`embedded` or a folder (default: embedded)")
    parser.add_argument("--context", type=int, default=256, help="tokens of the prompt (default 256)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to decode (default 64)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--note", default="", help="a sentence to keep with the figures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if packages := missing():
        raise SystemExit(f"Not installed: {', '.join(packages)}; run `pip install llama-cpp-python gguf` first.")
    rows = measure(options)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(report(rows, options.note), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
