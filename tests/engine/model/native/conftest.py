"""The compiled library in two builds, and with sanitizers where test_sanitizers.py runs these tests once more."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.kv_cache import KVCache, KVRows, KVShape
from infill_completion.engine.model.native import build as native_build
from tests.engine.model.native.int8_models import COMPILE_LIMIT_S

SANITIZED = os.environ.get("INFILL_LS_TEST_SANITIZED")  # a folder with both builds of the library


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("native")


def built(folder: Path) -> ctypes.CDLL:
    build = native_build.Build(folder)
    assert build.wait(COMPILE_LIMIT_S)
    assert build.library is not None
    return build.library


@pytest.fixture(scope="session")
def native_library(folder: Path) -> ctypes.CDLL:
    return ctypes.CDLL(f"{SANITIZED}/native.so") if SANITIZED else built(folder)


@pytest.fixture(scope="session")
def plain_library(folder: Path) -> ctypes.CDLL:
    if SANITIZED:
        return ctypes.CDLL(f"{SANITIZED}/plain.so")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_build, "_FLAGS", [flag for flag in native_build._FLAGS if "native" not in flag])
        return built(folder)


@pytest.fixture(scope="session")
def avx2_library(folder: Path) -> ctypes.CDLL:
    """The library as it is built for most laptops."""
    if SANITIZED:
        return ctypes.CDLL(f"{SANITIZED}/avx2.so")
    if not {"avx2", "fma", "f16c"} <= set(native_build._processor().split()):
        pytest.skip("needs AVX2")
    with pytest.MonkeyPatch.context() as patch:
        flags = [flag.replace("-march=native", "-march=x86-64-v3") for flag in native_build._FLAGS]
        patch.setattr(native_build, "_FLAGS", flags)
        return built(folder)


@pytest.fixture(params=["native_library", "avx2_library", "plain_library"])
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    """The library as it is built here, for most laptops, and for any processor."""
    found: ctypes.CDLL = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def separate_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each matrix and each layer of a cache a block of its own, so that a sanitizer sees where it ends."""
    if not SANITIZED:
        return
    make = KVCache.__init__

    def copies(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [tensor.clone() for tensor in tensors]

    def separate(self: KVCache, shape: KVShape, capacity: int, batch: int = 1) -> None:
        make(self, shape, capacity, batch)
        for rows in (self.keys, self.values):
            rows[:] = [
                KVRows(each.numbers.clone(), None if each.scale is None else each.scale.clone()) for each in rows
            ]

    monkeypatch.setattr(huge_pages, "contiguous_copies", copies)
    monkeypatch.setattr(KVCache, "__init__", separate)
