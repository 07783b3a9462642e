"""Mistakes in kernels that the emulation of a CUDA device finds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.model.cuda.emulator.buffers import EmulationError
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels


@pytest.fixture
def mistakes(kernel_build_folder: Path) -> EmulatedKernels:
    return EmulatedKernels(kernel_build_folder, sources=Path(__file__).parent / "mistakes.cu")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["no_barrier", "one_barrier_too_few", "no_warp_barrier", "shuffle_for_a_barrier"])
def test_a_missing_barrier_is_named_in_any_order_of_threads(mistakes: EmulatedKernels, seed: int, name: str) -> None:
    mistakes.seed = seed
    message = r"race in shared memory: \w+ what another thread \w+, with no barrier between, at mistakes.cu:\d+"
    with pytest.raises(EmulationError, match=message):
        mistakes.launch(name, (1, 1, 1), 64, 0, torch.arange(128.0), torch.zeros(128))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ended_before_barrier", r"waits at __syncthreads in line \d+, but thread \d+ has ended"),
        ("barriers_apart", r"at __syncthreads in line \d+, but thread \d+ at __syncthreads in line"),
        ("half_a_shuffle", r"waits at __shfl_xor_sync in line \d+, but thread \d+ has ended"),
        ("reads_outside_of_mask", r"lane \d+ reads lane \d+, which is not in mask 0xffff"),
        ("not_in_its_mask", r"the mask 0xffff leaves the caller out"),
        ("reads_beyond", r"touches byte \d+ of x, float32 \(64,\), which has 256"),
        ("writes_beyond", r"touches byte \d+ of y, float32 \(64,\), which has 256"),
        ("writes_before", r"writes_before wrote beside y"),
        ("writes_constants", r"writes byte \d+ of x, float32 \(64,\), which is const"),
        ("shared_index", r"uses an index beyond an array in line"),
        ("too_little_dynamic", r"touches byte \d+ of dynamic shared memory, which has 128"),
        ("misaligned_stream", r"streamed4 in line \d+: the address is not a multiple of 16"),
        ("misaligned_load", r"not aligned for its type, in line"),
        ("reads_early", r"touches byte \d+ of x, float32 \(64,\), before wait_for_previous"),
        ("writes_early", r"touches byte \d+ of y, float32 \(64,\), before wait_for_previous"),
        ("never_waits", r"touches byte \d+ of y, float32 \(64,\), before wait_for_previous"),
        ("divides", r"divides by zero"),
        ("shifts", r"shifts by too many bits"),
        ("recurses", r"uses more than \d+ bytes of stack"),
        ("never_ends", r"runs for more than"),
    ],
)
def test_a_mistake_is_named(mistakes: EmulatedKernels, name: str, message: str) -> None:
    x = torch.arange(64.0)
    if name == "reads_early":
        mistakes.changing(x)
    if name == "never_ends":
        mistakes.limit_s = 1
    with pytest.raises(EmulationError, match=message) as raised:
        mistakes.launch(name, (2, 1, 1), 64, 128, x, torch.zeros(64))
    assert str(raised.value).startswith(name)


def test_after_a_mistake_the_next_kernel_runs(mistakes: EmulatedKernels) -> None:
    x, y = torch.arange(64.0), torch.zeros(64)
    with pytest.raises(EmulationError):
        mistakes.launch("reads_beyond", (1, 1, 1), 64, 0, x, y)
    mistakes.launch("reads_early", (1, 1, 1), 64, 0, x, y)
    assert torch.equal(y, x)


def test_what_a_kernel_writes_may_be_read_by_the_next_one_only_after_its_end(mistakes: EmulatedKernels) -> None:
    x, y = torch.arange(64.0), torch.zeros(64)
    mistakes.launch("reads_early", (1, 1, 1), 64, 0, x, y)
    with pytest.raises(EmulationError, match="before wait_for_previous"):
        mistakes.launch("reads_early", (1, 1, 1), 64, 0, y, x)


def test_a_view_that_is_misaligned_on_a_device_is_so_here(mistakes: EmulatedKernels) -> None:
    whole = torch.arange(80.0)
    with pytest.raises(EmulationError, match="not a multiple of 16"):
        mistakes.launch("misaligned_stream", (1, 1, 1), 1, 0, whole[2:66], torch.zeros(64))
    mistakes.launch("misaligned_stream", (1, 1, 1), 1, 0, whole[4:68], torch.zeros(64))
