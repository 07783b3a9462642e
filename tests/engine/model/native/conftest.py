"""The compiled library in two builds, and with sanitizers where test_sanitizers.py runs these tests once more."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from infill_completion.engine.model import huge_pages
from infill_completion.engine.model.kv_cache import KVCache, KVRows, KVShape
from infill_completion.engine.model.native import build as native_build
from infill_completion.engine.model.native import compiler as native_compiler
from tests.engine.model.native.int8_models import COMPILE_LIMIT_S

ARM_FEATURES = {"neon": "asimddp", "i8mm": "i8mm"}  # as Linux calls them
SANITIZED = os.environ.get("INFILL_LS_TEST_SANITIZED")  # a folder with both builds of the library


@pytest.fixture(scope="session")
def folder(shared_folder: Path) -> Path:
    folder = shared_folder / "native"
    folder.mkdir(exist_ok=True)
    return folder


def built(folder: Path, target: str = native_compiler.NATIVE) -> ctypes.CDLL:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native_compiler.SWITCH, target)
        build = native_build.Build(folder)
        assert build.wait(COMPILE_LIMIT_S)
    assert build.library is not None
    return build.library


def library_for(target: str, folder: Path) -> ctypes.CDLL:
    """Return the library of a target, or skip the test where the processor cannot run it."""
    if not runs(target):
        pytest.skip(f"this processor does not run what is built for {target}")
    return ctypes.CDLL(f"{SANITIZED}/{target}.so") if SANITIZED else built(folder, target)


def runs(target: str) -> bool:
    """Return whether this processor announces what a target needs."""
    if target in ARM_FEATURES:
        return ARM_FEATURES[target] in native_compiler.processor().split()
    needed = {flag.removeprefix("-m") for flag in native_compiler.FLAGS[target] if flag.startswith("-m")}
    needed = {{"avx512vnni": "avx512_vnni", "avxvnni": "avx_vnni", "bmi": "bmi1"}.get(each, each) for each in needed}
    return target == native_compiler.NATIVE or needed <= set(native_compiler.processor().split())


@pytest.fixture(scope="session")
def native_library(folder: Path) -> ctypes.CDLL:
    return library_for(native_compiler.NATIVE, folder)


@pytest.fixture(scope="session")
def plain_library(folder: Path) -> ctypes.CDLL:
    return library_for(native_compiler.PLAIN, folder)


@pytest.fixture(scope="session")
def avx2_library(folder: Path) -> ctypes.CDLL:
    """The library as it is built for most laptops."""
    return library_for("avx2", folder)


@pytest.fixture(scope="session")
def avxvnni_library(folder: Path) -> ctypes.CDLL:
    """The library as it is built for Intel's newer laptops."""
    return library_for("avxvnni", folder)


@pytest.fixture(params=["native_library", "avx2_library", "avxvnni_library", "plain_library"])
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    """The library as it is built here, for laptops, and for any processor."""
    found: ctypes.CDLL = request.getfixturevalue(request.param)
    return found


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
