"""The emulation of a CUDA device, by small kernels with known results."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.model.cuda.emulator.buffers import EmulationError
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

SAMPLES = Path(__file__).parent / "samples.cu"


@pytest.fixture
def samples(kernel_build_folder: Path, number: torch.dtype) -> EmulatedKernels:
    return EmulatedKernels(kernel_build_folder, sources=SAMPLES, half=number == torch.float16)


def test_shuffles_and_shared_memory_sum_a_block(samples: EmulatedKernels) -> None:
    x = torch.arange(5 * 700, dtype=torch.float32).reshape(5, 700) % 13
    sums = torch.zeros(5)
    samples.launch("block_sums", (5, 1, 1), 256, 0, x, sums, 700)
    assert torch.equal(sums, x.sum(1))


def test_a_product_is_that_of_torch(samples: EmulatedKernels, number: torch.dtype) -> None:
    left, right = torch.randn(64, 4096).to(number), torch.randn(8, 4096).to(number)
    result = torch.zeros(64, 8)
    samples.launch("product", (4, 1, 1), 32, 0, left, right, result, 4096)
    torch.testing.assert_close(result.double(), left.double() @ right.double().T, rtol=1e-5, atol=1e-3)


def test_a_column_of_a_product_does_not_depend_on_the_others(samples: EmulatedKernels, number: torch.dtype) -> None:
    left, right = torch.randn(16, 512).to(number), torch.randn(8, 512).to(number)
    alone, among = torch.zeros(16, 8), torch.zeros(16, 8)
    samples.launch("product", (1, 1, 1), 32, 0, left, right, among, 512)
    right[[0, 1, 2, 4, 5, 6, 7]] = 0
    samples.launch("product", (1, 1, 1), 32, 0, left, right, alone, 512)
    assert torch.equal(alone[:, 3], among[:, 3])


def test_dynamic_shared_memory(samples: EmulatedKernels) -> None:
    x = torch.arange(3 * 1000, dtype=torch.int32).reshape(3, 1000)
    y = torch.zeros_like(x)
    samples.launch("reverse_parts", (3, 1, 1), 96, 4000, x, y, 1000)
    assert torch.equal(y, x.flip(1))


@pytest.mark.parametrize("seed", range(5))
def test_atomics_and_the_last_block(samples: EmulatedKernels, seed: int) -> None:
    samples.seed = seed
    x = torch.randint(0, 50, (4, 128), dtype=torch.int32)
    counts, largest = torch.zeros(50, dtype=torch.int32), torch.zeros(4, dtype=torch.int32)
    finished, total = torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    samples.launch("count_and_add", (4, 1, 1), 128, 0, x, counts, largest, finished, total)
    assert torch.equal(counts, x.flatten().bincount(minlength=50).int())
    assert total.item() == x.amax(1).sum()
    assert finished.item() == 0


@pytest.mark.parametrize("seed", range(3))
def test_barriers_of_warps_order_what_their_lanes_do(samples: EmulatedKernels, seed: int) -> None:
    samples.seed = seed
    x = torch.randint(0, 99, (64,), dtype=torch.int32)
    y = torch.zeros_like(x)
    samples.launch("rotate", (1, 1, 1), 64, 0, x, y, 3)
    expected = x.view(2, 32)
    for _ in range(3):
        expected = expected.roll(-1, 1).view(2, 2, 16).roll(-1, 2).view(2, 32)
    assert torch.equal(y, expected.flatten().flip(0))


def test_exchanges_and_votes_of_a_warp(samples: EmulatedKernels) -> None:
    x = torch.randint(0, 998, (32,), dtype=torch.int32)
    y = torch.zeros(14, 32, dtype=torch.int32)
    samples.launch("exchanges", (1, 1, 1), 32, 0, x, y)
    lane = torch.arange(32)
    odd = sum(int(value) % 2 << i for i, value in enumerate(x))
    expected = [
        x[5].expand(32),
        x[lane // 8 * 8 + 5],
        x[torch.where(lane < 3, lane, lane - 3)],
        x[torch.where(lane % 8 < 3, lane, lane - 3)],
        x[torch.where(lane > 28, lane, lane + 3)],
        x[torch.where(lane % 8 > 4, lane, lane + 3)],
        x[lane ^ 7],
        torch.tensor(odd - (odd >> 31 << 32), dtype=torch.int32).expand(32),
        torch.zeros(32),
        torch.ones(32),
        x.sum().expand(32),
        x.max().expand(32),
        torch.cat([x[:16].min().expand(16), x[16:].min().expand(16)]),
        (x % 2).sum().expand(32),
    ]
    assert torch.equal(y, torch.stack([row.int() for row in expected]))


def test_numbers_round_as_torch_rounds(samples: EmulatedKernels, number: torch.dtype) -> None:
    bits = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16)
    halfway = bits.view(number).float() * torch.tensor([1.0, 1 + 2.0**-9, 1 + 2.0**-12, 1 - 2.0**-11])[:, None]
    x = torch.cat([halfway.flatten(), torch.randn(1 << 16) * 2.0 ** -torch.randint(0, 30, (1 << 16,))])
    bits = bits.repeat(5)
    rounded, widened = torch.zeros_like(bits), torch.zeros(len(x))
    pairs = torch.zeros(len(x), dtype=torch.int32)
    samples.launch("conversions", (1, 1, 1), 256, 0, x, bits, rounded, widened, pairs, len(x))
    assert torch.equal(widened.nan_to_num(-1), bits.view(number).float().nan_to_num(-1))
    assert torch.equal(rounded.view(number).nan_to_num(-1), x.to(number).nan_to_num(-1))
    assert torch.equal(pairs.view(torch.int16).view(-1, 2)[:, 0], rounded)
    assert torch.equal(pairs.view(torch.int16).view(-1, 2)[:, 1], rounded.flip(0))


def test_tensors_that_share_memory_share_it_in_a_kernel(samples: EmulatedKernels) -> None:
    x = torch.arange(64.0)
    samples.launch("after", (1, 1, 1), 64, 0, x, x)
    samples.launch("after", (1, 1, 1), 32, 0, x[:32], x[32:])
    assert torch.equal(x[:32], torch.arange(32.0) * 2)
    assert torch.equal(x[32:], torch.arange(32.0) * 4)


def test_the_seed_shuffles_blocks_and_threads(samples: EmulatedKernels) -> None:
    found = []
    for samples.seed in (0, 0, 1, 2):
        listed, length = torch.zeros(4 * 64, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
        samples.launch("order", (4, 1, 1), 64, 0, listed, length)
        assert torch.equal(listed.sort().values, torch.arange(256, dtype=torch.int32))
        found.append(listed.tolist())
    assert found[0] == found[1] != found[2] != found[3]


def test_several_kernels_take_turns(samples: EmulatedKernels, kernel_build_folder: Path) -> None:
    others = EmulatedKernels(kernel_build_folder, sources=SAMPLES, half=True)
    x, y = torch.ones(64), torch.zeros(64)
    for kernels in (samples, others, samples):
        kernels.launch("after", (1, 1, 1), 64, 0, x, y)
        x, y = y, x
    assert torch.equal(x, torch.full((64,), 8.0))


def test_parameters_may_come_from_a_macro(samples: EmulatedKernels) -> None:
    x, y = torch.arange(64.0), torch.zeros(32)
    samples.launch("parameters_from_a_macro", (1, 1, 1), 32, 0, x, y)
    assert torch.equal(y, x[:32])
    with pytest.raises(EmulationError, match="byte 128 of argument 1, float32"):
        samples.launch("parameters_from_a_macro", (1, 1, 1), 33, 0, x, y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, torch.zeros(64)), "after takes cp, not fp"),
        ((torch.zeros(64), torch.zeros(64), 3), "after takes cp, not ppi"),
        ((torch.zeros(64), torch.zeros(64, device="meta")), "y is on meta"),
    ],
)
def test_arguments_must_fit(samples: EmulatedKernels, arguments: tuple[torch.Tensor, ...], message: str) -> None:
    with pytest.raises(EmulationError, match=message):
        samples.launch("after", (1, 1, 1), 64, 0, *arguments)


@pytest.mark.parametrize(("grid", "block"), [((0, 1, 1), 64), ((1, 1 << 16, 1), 64), ((1, 1, 1), 1025)])
def test_a_launch_must_fit(samples: EmulatedKernels, grid: tuple[int, int, int], block: int) -> None:
    with pytest.raises(EmulationError, match="no device"):
        samples.launch("after", grid, block, 0, torch.zeros(64), torch.zeros(64))


def test_a_kernel_that_does_not_exist(samples: EmulatedKernels) -> None:
    with pytest.raises(EmulationError, match=r"no kernel of .* is called nothing"):
        samples.launch("nothing", (1, 1, 1), 32, 0)


def test_a_kernel_that_does_not_compile(kernel_build_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.cu").write_text('extern "C" __global__ void broken(int x) { y = x; }')
    with pytest.raises(EmulationError, match=r"broken.cu does not compile"):
        EmulatedKernels(kernel_build_folder, sources=tmp_path).launch("broken", (1, 1, 1), 32, 0, 1)
