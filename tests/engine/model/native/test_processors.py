"""The products for each type of processor: the same bits as plain C; those for ARM in an emulator."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from infill_completion.engine.model.native import compiler as native_compiler
from tests.engine.model.native.conftest import runs
from tests.engine.model.native.int8_models import COMPILE_LIMIT_S

HERE = Path(__file__).parent
EXTENDED = ("avx512", "avxvnni", "avx2")
FUSED = ("-mavx2", "-mfma")
ARM_COMPILER, ARM_EMULATOR, ARM_LIBRARIES = "aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu"
ARM = {**{name: native_compiler.FLAGS[name] for name in ("i8mm", "neon")}, "plain": ("-march=armv8-a",)}
WITHOUT_SMMLA = "neoverse-n1"
LIMIT_S = 300.0

needs_arm = pytest.mark.skipif(
    not (shutil.which(ARM_COMPILER) and shutil.which(ARM_EMULATOR)),
    reason="needs Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user",
)
needs_x86 = pytest.mark.skipif(
    native_compiler.find() is None or not runs("avx2"), reason="needs a C compiler and an x86 processor with AVX2"
)


def results(program: list[str]) -> dict[str, str]:
    """Return the bits of each case of ``driver.c``, and the name of its products under ``name``."""
    done = subprocess.run(program, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    head, *lines = done.stdout.splitlines()
    cases = dict(line.split(":") for line in lines)
    assert len(cases) == len(lines) > 100
    return {"name": head.removeprefix("# "), **cases}


def compiled(compiler: str, folder: Path, *flags: str) -> str:
    source = native_compiler.SOURCES[0]
    root = next(parent for parent in source.parents if parent.name == "native")
    file, sources = folder / "driver", [*map(str, native_compiler.SOURCES), str(HERE / "driver.c")]
    kept = [flag for flag in native_compiler.COMMON_FLAGS if flag not in {"-shared", "-fPIC"}]
    command = [compiler, *kept, *flags, f"-I{root}", *sources, "-o", str(file), "-lm"]
    subprocess.run(command, check=True, timeout=COMPILE_LIMIT_S)
    return str(file)


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The results of plain C with fused products, as all faster paths have them."""
    compiler = native_compiler.find()
    assert compiler is not None
    return results([compiled(compiler, tmp_path_factory.mktemp("plain"), "-DPRODUCTS_PLAIN", *FUSED)])


@needs_x86
@pytest.mark.parametrize("target", EXTENDED)
def test_each_type_of_processor_computes_the_bits_of_plain_c(
    tmp_path: Path, expected: dict[str, str], target: str
) -> None:
    if not runs(target):
        pytest.skip(f"this processor does not run what is built for {target}")
    compiler = native_compiler.find()
    assert compiler is not None
    check(results([compiled(compiler, tmp_path, *native_compiler.FLAGS[target])]), expected, target)


@needs_arm
@needs_x86
@pytest.mark.parametrize("target", ARM)
def test_arm_computes_the_bits_of_x86(tmp_path: Path, expected: dict[str, str], target: str) -> None:
    program = compiled(ARM_COMPILER, tmp_path, *ARM[target])
    check(results(emulated(program, "max")), expected, target)


@needs_arm
def test_smmla_ends_the_process_that_tries_it_where_the_processor_lacks_it(tmp_path: Path) -> None:
    program = compiled(ARM_COMPILER, tmp_path, *ARM["i8mm"])
    done = subprocess.run(emulated(program, WITHOUT_SMMLA), capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == -signal.SIGILL


def emulated(program: str, processor: str) -> list[str]:
    return [ARM_EMULATOR, "-cpu", processor, "-L", ARM_LIBRARIES, program]


def check(got: dict[str, str], expected: dict[str, str], name: str) -> None:
    assert (got["name"], expected["name"]) == (name, "plain")
    assert got.keys() == expected.keys()
    assert {case for case in expected if got[case] != expected[case]} <= {"name"}
    assert got["probe"] == " 0"
