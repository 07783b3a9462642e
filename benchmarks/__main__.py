"""``python -m benchmarks``: run all measurements that this machine can do, and write to ``benchmarks/results/``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.llama_cpp.contestants import missing

RESULTS = Path(__file__).parent / "results"
EXAMPLES = Path(__file__).parent.parent / "server"
ENGINE = [sys.executable, "-P", "-m", "infill_completion.engine.bench"]


def has_cuda() -> bool:
    """Return whether torch sees a CUDA device; torch is imported in a process of its own."""
    command = [sys.executable, "-P", "-c", "import sys, torch; sys.exit(not torch.cuda.is_available())"]
    return subprocess.run(command, check=False).returncode == 0


def plan(note: str) -> list[tuple[str, list[str]]]:
    """Return the commands to run, each with its name."""
    python = [sys.executable, "-m"]
    noted = ["--note", note] if note else []

    def kept(name: str) -> list[str]:
        return ["--json", str(RESULTS / f"{name}.json")]

    chart = ["--chart", str(RESULTS / "decode.png")]
    commands = [
        ("initialize", [*python, "benchmarks.initialize", *kept("initialize")]),
        ("overhead", [*python, "benchmarks.overhead", *kept("overhead")]),
        ("decode", [*ENGINE, "--model", "embedded", "--device", "cpu", *kept("decode-cpu"), *chart, *noted]),
        (
            "keystrokes",
            [
                *python,
                "infill_server.entry",
                "bench",
                "keystrokes",
                str(EXAMPLES),
                *kept("keystrokes"),
                "--chart",
                str(RESULTS / "keystrokes.png"),
                *noted,
            ],
        ),
    ]
    if not missing():
        commands.append(("llama.cpp", [*python, "benchmarks.llama_cpp", *kept("llama_cpp"), *noted]))
    if has_cuda():
        chart = ["--chart", str(RESULTS / "decode-cuda.png")]
        shapes = ["--shape", "7b,13b,34b"]
        commands.append(("decode on CUDA", [*ENGINE, *shapes, *kept("decode-cuda"), *chart, *noted]))
    return commands


def main() -> int:
    """Run all measurements in order; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--note", default="", help="a remark to store with the figures")
    options = parser.parse_args()
    failed = []
    for name, command in plan(options.note):
        print(f"\n# {name}\n", flush=True)
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if packages := missing():
        print(f"\nllama.cpp was skipped: {', '.join(packages)} not installed (pip install llama-cpp-python gguf).")
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
