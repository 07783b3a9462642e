"""Our loop beside llama.cpp on the same weights and prompt, alone and with one and two busy neighbour processes.

Run ``python -m benchmarks.llama_cpp``.  It needs ``pip install llama-cpp-python gguf``; the first is compiled for this
machine, which takes minutes.  The two engines take turns, so that both meet the same conditions.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gguf import writer
from benchmarks.llama_cpp.contestants import GREEDY_TOKENS, ComparisonRow, Ours, llama_row, missing

NEIGHBOURS = (0, 1, 2)


def measure(options: argparse.Namespace) -> list[ComparisonRow]:
    """Return one row per engine, precision, number of threads and number of neighbours."""
    from infill_completion.engine.bench.machine import busy_neighbours
    from infill_completion.engine.checkpoints.devices import cores
    from infill_completion.engine.checkpoints.selection import find

    ours = Ours(options.model, options.context, options.tokens)
    rows = []
    with tempfile.TemporaryDirectory(prefix="infill-ls-gguf-") as name:
        files = {kind: Path(name) / f"{kind}.gguf" for kind in writer.KINDS}
        for kind, file in files.items():
            writer.write(find(options.model), file, kind)
        for neighbours in NEIGHBOURS:
            with busy_neighbours(neighbours):
                rows.append(ours.row(neighbours, options.repeats))
                for kind, file in files.items():
                    for threads in sorted({1, cores()}):
                        row = llama_row(file, kind, threads, neighbours, ours, options.tokens, options.repeats)
                        rows.append(row)
                rows.append(ours.row(neighbours, options.repeats))
    return rows


def table(rows: list[ComparisonRow]) -> str:
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


def report(rows: list[ComparisonRow], note: str) -> dict[str, Any]:
    """Return the figures with the machine, the date and the versions."""
    import torch

    from infill_completion.engine.bench.machine import device_name, versions
    from infill_completion.engine.bench.report import DecodeReport

    head = DecodeReport(device_name(torch.device("cpu")), 0.0, versions())
    return {
        "device": head.device,
        "date": head.date,
        "versions": head.versions | {"llama-cpp-python": importlib.metadata.version("llama-cpp-python")},
        "load_average": os.getloadavg()[0],
        "note": note,
        "rows": [asdict(row) for row in rows],
    }


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llama_cpp", description=__doc__)
    parser.add_argument("--model", default="embedded", help="`embedded` or a folder (default: embedded)")
    parser.add_argument("--context", type=int, default=256, help="tokens of the prompt (default 256)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens to decode (default 64)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--note", default="", help="a remark to store with the figures")
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
