"""CUDA kernels that run on the CPU, with both types of numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.model.cuda.emulator.kernels import EmulatedKernels, compiler, number_type


@pytest.fixture(scope="session")
def kernel_build_folder(shared_folder: Path) -> Path:
    if compiler() is None:
        pytest.skip("needs Linux and a C++17 compiler")
    folder = shared_folder / "kernels"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(params=["bfloat16", "float16"])
def number(request: pytest.FixtureRequest) -> torch.dtype:
    return number_type(half=request.param == "float16")


@pytest.fixture
def emulated(kernel_build_folder: Path, number: torch.dtype) -> EmulatedKernels:
    """The project's kernels for tensors of the type ``number``."""
    return EmulatedKernels(kernel_build_folder, half=number == torch.float16)
