"""The tests of the compiled code once more, built with the address and the undefined-behaviour sanitizer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infill_completion.engine.model.native import compiler as native_compiler
from tests.engine.model.native.conftest import SANITIZED, runs
from tests.engine.model.native.int8_models import COMPILE_LIMIT_S, needs_compiler

ROOT = Path(__file__).parents[4]
TESTS = ("test_step.py", "test_sampler.py", "test_followers.py", "test_shapes.py", "test_int4.py", "test_blocks.py")
LIMIT_S = 600.0
FLAGS = (
    *("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
    "-DGUARD_BYTES=64",  # between the parts of the workspace, see step.c
)
pytestmark = [*needs_compiler, pytest.mark.skipif(SANITIZED is not None, reason="runs in this very test")]


def runtime(compiler: str) -> str | None:
    """Return the path of gcc's address sanitizer, which must be loaded first; None if there is none."""
    found = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    path = Path(found.stdout.strip())
    return str(path) if path.is_absolute() and path.exists() else None


def compile_to(file: Path, compiler: str, target: str) -> None:
    flags = (*native_compiler.FLAGS[target], *native_compiler.COMMON_FLAGS, *FLAGS)
    command = [compiler, *flags, *map(str, native_compiler.SOURCES), "-o", str(file), "-lm"]
    subprocess.run(command, check=True, timeout=COMPILE_LIMIT_S)


def test_the_sanitizers_find_nothing(tmp_path: Path) -> None:
    compiler = native_compiler.find()
    assert compiler is not None
    if (library := runtime(compiler)) is None:
        pytest.skip("this compiler has no address sanitizer (gcc's libasan)")
    for target in filter(runs, native_compiler.FLAGS):
        compile_to(tmp_path / f"{target}.so", compiler, target)
    environment = os.environ | {
        "INFILL_LS_TEST_SANITIZED": str(tmp_path),
        "LD_PRELOAD": library,
        # Python and torch keep memory until they exit, which is not a leak of the compiled code.
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # Python's own allocator hides the ends of small blocks
    }
    tests = [str(Path(__file__).with_name(name)) for name in TESTS]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--capture=no", *tests]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    assert " passed" in done.stdout
