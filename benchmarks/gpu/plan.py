"""The steps of the run, the most important first."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.gpu.step import Step

COLD_IMPORT_S = 30  # on a fresh machine the first import of torch and transformers reads gigabytes from disk
_TESTS = (
    "tests/engine/model/cuda/test_kernels_gpu.py",
    "tests/engine/model/cuda/test_device_loop.py",
    "tests/engine/bench/test_bench_gpu.py",
)
# Without the project's pytest settings and conftest.py, which need packages that a bare image lacks.
_PYTEST = [
    *("-m", "pytest", "-c", "/dev/null", "--rootdir=.", "--noconftest", "--import-mode=importlib"),
    *("-p", "no:cacheprovider", "-o", "markers=gpu: needs a CUDA device", "-m", "gpu", "-v", "--disable-warnings"),
]


def plan(device: str, shapes: Sequence[str], jsonl: Path, letters: str = "") -> list[Step]:
    """Return the steps for a device; the first one, whichever it is, has time for a cold import.

    Args:
        device: Such as ``cuda`` or ``cpu``.
        shapes: Shapes of random weights, the one that is measured in detail first.
        jsonl: The file that figures are appended to.
        letters: Of the steps that are wanted; none: all of them.
    """
    steps = [step for step in _steps(device, shapes, jsonl) if not letters or step.name[0] in letters.upper()]
    return [*(replace(first, limit_s=first.limit_s + COLD_IMPORT_S) for first in steps[:1]), *steps[1:]]


def _steps(device: str, shapes: Sequence[str], jsonl: Path) -> list[Step]:
    python, common = sys.executable, ["--device", device, "--jsonl", str(jsonl)]
    first, *others = shapes
    contexts, middle = ("2048,0,8192", "2048") if device.startswith("cuda") else ("256,0,600", "256")

    def engine(shape: str, only: str, *more: str) -> list[str]:
        return [
            *(python, "-P", "-m", "infill_completion.engine.bench", "--shape", shape, "--quantization", "nf4"),
            *(*common, "--only", only, *more),
        ]

    reference = ("--reference-tokens", "16")
    own = ("--no-reference", "--context", middle)
    kernels = [python, "-m", "benchmarks.gpu.kernels", *common, "--shapes", ",".join(shapes)]
    own_kernels = [python, "-m", "benchmarks.gpu.own_kernels", *common, "--shapes", ",".join(shapes)]
    bare = ["env", "INFILL_LS_FUSED=0", *engine(first, "decode,rows", *own)]
    return [
        Step("A versions, NF4 product", [python, "-m", "benchmarks.gpu.product", *common], 15),
        Step("B GPU tests", [python, *_PYTEST, *_TESTS], 60),
        Step("C kernels", kernels, 60),
        Step("D own kernels", own_kernels, 60),
        Step(
            f"E {first}",
            engine(first, "decode,rows,prefill,keystroke,kernels", "--context", contexts, *reference),
            100,
        ),
        *([Step(f"F {first} without own kernels", bare, 60)] if device.startswith("cuda") else []),
        *(
            Step(f"{letter} {shape}", engine(shape, "decode", "--context", middle, *reference), limit)
            for letter, shape, limit in zip("GH", others, (60, 75), strict=False)
        ),
        Step(f"I {first} rest", engine(first, "candidates,cancel,reload", *own), 200),
    ]
