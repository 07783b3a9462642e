"""The emulation of a CUDA device, by small kernels with known results and with known mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

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
