"""Our engine beside llama.cpp, alone and with busy neighbour processes: ``python -m benchmarks.llama_cpp``.

It needs ``pip install llama-cpp-python gguf``; the first is compiled for this machine, which takes minutes.  llama.cpp
quantizes the model itself.  With ``--shape`` both engines run random weights.  If an engine gives no answer, the run
fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.llama_cpp import files
from benchmarks.llama_cpp.bandwidth import Memory
from benchmarks.llama_cpp.comparison import Comparison
from benchmarks.llama_cpp.contestants import Contestant, missing, ours, theirs
from benchmarks.llama_cpp.random_file import SHAPES
from benchmarks.llama_cpp.tables import tables

FORMS = ("int8", "int4")
# Which of llama.cpp's files our engine reads for each of its forms, so that both run the same weights.
SOURCES = {"int8": "q8_0", "int4": "q4_1"}


def measure(options: argparse.Namespace) -> Comparison:
    """Return the figures of a run."""
    from infill_completion.engine.checkpoints.selection import find

    longest = max([*options.contexts, 1000]) + options.tokens + 64
    with contextlib.ExitStack() as stack:
        folder = options.files or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="infill-ls-gguf-")))
        folder.mkdir(parents=True, exist_ok=True)
        kinds = tuple(dict.fromkeys([*options.llama, *(SOURCES[form] for form in options.ours)]))
        made = (
            files.of_shape(options.shape, folder, kinds)
            if options.shape
            else files.of_model(find(options.model), folder, kinds)
        )
        mine = [ours(str(made[SOURCES[form]]), form, longest) for form in options.ours]
        found = Comparison([*mine, *_llamas(made, longest, options)])
        for each in found.contestants:
            stack.enter_context(each)
        for each in mine:
            described = each.ask("describe")
            if described["quantization"] != each.weights:
                raise SystemExit(f"Our engine held the weights as {described['quantization']}, not {each.weights}.")
            each.report.load_peak_bytes = described["peak"]
        found.run(options, Memory(folder))
    return found


def _llamas(made: Mapping[str, Path], context_tokens: int, options: argparse.Namespace) -> list[Contestant]:
    return [theirs(str(made[kind]), kind, context_tokens, has_amx=not options.no_amx) for kind in options.llama]


def report(found: Comparison, options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Return the figures with the machine, the date and the versions."""
    import torch

    from infill_completion.engine.bench.machine import device_name, versions
    from infill_completion.engine.bench.report import DecodeReport

    head = DecodeReport(device_name(torch.device("cpu")), 0.0, versions())
    return {
        "model": options.shape or Path(options.model).name,
        "device": head.device,
        "date": head.date,
        "versions": head.versions | {"llama-cpp-python": importlib.metadata.version("llama-cpp-python")},
        "load_average": options.load,
        "seconds": round(seconds),
        "note": options.note,
        "memory_bytes_per_s": found.memory_bytes_per_s,
        "contestants": [asdict(each.report) for each in found.contestants],
        "rows": [asdict(row) for row in found.rows],
    }


def main() -> None:
    """Measure, print tables, and write JSON if asked."""
    from infill_completion.engine.checkpoints.devices import cores

    parser = argparse.ArgumentParser(prog="python -m benchmarks.llama_cpp", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--model", default="embedded", help="`embedded`, a folder or a GGUF file (default: embedded)")
    what.add_argument("--shape", choices=SHAPES, help="random weights in the shape of a model")
    parser.add_argument("--contexts", type=int, nargs="+", default=[256, 2000], help="default: 256 2000")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, min(2, cores())}), help="default: 1 2")
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--ours", nargs="+", choices=FORMS, default=list(FORMS), help="default: all")
    parser.add_argument("--llama", nargs="+", choices=files.KINDS, default=list(files.KINDS), help="default: all")
    parser.add_argument("--tokens", type=int, default=32, help="tokens to decode (default 32)")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts (default 3)")
    parser.add_argument("--prompts", type=int, default=2, help="fresh prompts, the fastest counts (default 2)")
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="keep the GGUF files there for the next run")
    parser.add_argument("--no-amx", action="store_true", help="keep AMX from llama.cpp, where it crashes")
    parser.add_argument("--note", default="", help="a remark to store with the figures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--verbose", action="store_true", help="report each task on standard error")
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO if options.verbose else logging.WARNING)
    if packages := missing():
        raise SystemExit(f"Not installed: {', '.join(packages)}; run `pip install llama-cpp-python gguf` first.")
    options.load, started = os.getloadavg()[0], time.monotonic()
    found = measure(options)
    made = report(found, options, time.monotonic() - started)
    print(tables(made))
    if options.json:
        options.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
