"""What tests of kernels need that not every machine has: a build of torch for CUDA, and tools of its toolkit."""

from __future__ import annotations

import functools

import pytest
import torch

from infill_completion.engine.model.cuda.kernels.runtime import cubins

ARCHITECTURES = ("sm_80", "sm_86", "sm_89", "sm_90")
SOURCES = sorted(path.name for path in cubins.FOLDER.glob("*.cu"))

needs_nvrtc = pytest.mark.skipif(torch.version.cuda is None, reason="torch is not built for CUDA: no NVRTC")


@functools.cache
def headers() -> dict[str, str]:
    """Return the headers of the kernels."""
    return {path.name: path.read_text("utf-8") for path in cubins.FOLDER.glob("*.cuh")}
