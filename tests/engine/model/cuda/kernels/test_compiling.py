"""Compiling for every architecture without a device, and what the machine code must not do: spill, or not wait."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from benchmarks.gpu import sass
from infill_completion.engine.model.cuda.kernels.runtime import cubins, nvrtc
from infill_completion.engine.model.cuda.kernels.runtime.nvrtc import Binary
from tests.engine.model.cuda.kernels.cuda_tools import ARCHITECTURES, SOURCES, headers, needs_nvrtc

pytestmark = needs_nvrtc

needs_disassembler = pytest.mark.skipif(not sass.is_possible(), reason="no cuobjdump and nvdisasm (Triton has them)")
all_architectures = pytest.mark.parametrize("architecture", ARCHITECTURES)
all_sources = pytest.mark.parametrize("source", SOURCES)
both_numbers = pytest.mark.parametrize("is_half", [False, True], ids=["bfloat16", "half"])
MAX_REGISTERS = 255
WEIGHTS_A_PRODUCT = 16 * 16  # of mma.m16n8k16


@functools.cache
def compiled(source: str, architecture: str, is_half: bool) -> Binary:
    text = (cubins.FOLDER / source).read_text("utf-8")
    return nvrtc.compiler().compile(source, text, headers(), cubins.options_of(architecture, is_half))


def stored(folder: Path, binary: Binary) -> Path:
    file = folder / "kernels.cubin"
    file.write_bytes(binary.cubin)
    return file


@all_architectures
@all_sources
@both_numbers
def test_every_source_compiles_for_every_architecture(source: str, architecture: str, is_half: bool) -> None:
    binary = compiled(source, architecture, is_half)
    assert binary.cubin.startswith(b"\x7fELF")
    assert binary.parameters


FEW = 32  # bytes: some addresses, which are read back once a tile


@needs_disassembler
@all_architectures
@all_sources
@both_numbers
def test_next_to_nothing_spills(tmp_path: Path, source: str, architecture: str, is_half: bool) -> None:
    binary = compiled(source, architecture, is_half)
    used = sass.usage(stored(tmp_path, binary))
    assert set(used) == set(binary.parameters)
    assert {name: (each.stack, each.local) for name, each in used.items() if each.stack > FEW or each.local} == {}
    assert max(each.registers for each in used.values()) <= MAX_REGISTERS


@needs_disassembler
@all_sources
def test_every_kernel_waits_for_its_predecessor(tmp_path: Path, source: str) -> None:
    """A kernel that did not would let its successor start before its predecessor has ended."""
    kernels = sass.disassembled(stored(tmp_path, compiled(source, "sm_90", False)), "sm_90")
    assert [name for name, found in kernels.items() if all(each.name != "ACQBULK" for each in found)] == []


@needs_disassembler
@both_numbers
@pytest.mark.skipif("product.cu" not in SOURCES, reason="there is no product yet")
def test_the_product_takes_few_instructions_a_weight(tmp_path: Path, is_half: bool) -> None:
    """At most 5.1 of a thread, at which an H100 can still read 3.0 TB/s; bitsandbytes takes 8.7 for one row."""
    kernels = sass.disassembled(stored(tmp_path, compiled("product.cu", "sm_90", is_half)), "sm_90")
    for name, instructions in kernels.items():
        loops = [(loop, sum(each.name.startswith("HMMA") for each in loop)) for loop in sass.inner_loops(instructions)]
        main, products = max(loops, key=lambda found: found[1])
        assert products, name
        assert 32 * len(main) / (products * WEIGHTS_A_PRODUCT) < 5.1, name


def test_a_mistake_is_reported_with_its_line() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)cannot compile bad.cu with .*sm_90.*bad.cu\(2\): error.*missing"):
        nvrtc.compiler().compile("bad.cu", "\nint x = missing;", {}, cubins.options_of("sm_90", False))


def test_a_header_that_is_absent_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"absent\.cuh"):
        nvrtc.compiler().compile("bad.cu", '#include "absent.cuh"', {}, cubins.options_of("sm_90", False))


def test_parameters_are_those_of_the_source() -> None:
    source = """#include "portable.cuh"
    struct Both { int x; };
    #define KERNEL(name) extern "C" __global__ void name(const number *x, unsigned count, float *out, float scale)
    KERNEL(first) { out[0] = widened(x[count]) * scale; }
    KERNEL(second) { out[1] = scale; }
    extern "C" __global__ void __launch_bounds__(128, 2) third() {}"""
    binary = nvrtc.compiler().compile("some.cu", source, headers(), cubins.options_of("sm_80", True))
    assert binary.parameters == {"first": "PiPf", "second": "PiPf", "third": ""}
