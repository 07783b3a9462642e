"""Building the compiled step: ready at once if it was built before, and torch's operators if it cannot be built."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest

from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.native import build as native_build
from tests.engine.model.native.int8_models import (
    COMPILE_LIMIT_S,
    empty_cache,
    int8_tiny,
    needs_compiler,
    token_ids,
)

pytestmark = needs_compiler


def test_a_forward_pass_takes_the_step_up_as_soon_as_it_is_there(
    tmp_path: Path, folder: Path, library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, _ = int8_tiny(tmp_path)
    build = native_build.Build(folder)
    monkeypatch.setattr(native_build, "shared", lambda: build)
    monkeypatch.setattr(native_build.Build, "pending", True)
    forward_pass = ForwardPass(decoder)
    before = forward_pass.forward(token_ids(1, 4), empty_cache(decoder, 8), 0)
    assert forward_pass.native_step() is None
    monkeypatch.setattr(native_build.Build, "pending", False)
    after = forward_pass.forward(token_ids(1, 4), empty_cache(decoder, 8), 0)
    assert forward_pass.native_step() is not None
    assert 0 < (after - before).abs().max() < 0.05 * before.abs().max()


def test_a_library_that_was_compiled_before_is_there_at_once(folder: Path, native_library: ctypes.CDLL) -> None:
    build = native_build.Build(folder)
    assert not build.pending
    assert build.library is not None
    assert build.library._name == native_library._name


def fake_compiler(folder: Path, script: str) -> None:
    for name in ("cc", "gcc", "clang"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize("script", ["exit 1", "exit 0"], ids=["an error", "no output"])
def test_a_compiler_that_fails_leaves_torch_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    tools, kept = tmp_path / "bin", tmp_path / "kept"
    tools.mkdir()
    kept.mkdir()
    fake_compiler(tools, script)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    build = native_build.Build(kept)
    assert build.wait(COMPILE_LIMIT_S)
    assert build.library is None
    assert not list(kept.glob("*.so"))


def test_a_damaged_library_leaves_torch_at_work(tmp_path: Path, native_library: ctypes.CDLL) -> None:
    (tmp_path / Path(native_library._name).name).write_bytes(b"no library")
    assert native_build.Build(tmp_path).library is None


def test_it_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native_build.SWITCH, "0")
    assert native_build.Build(tmp_path).library is None
    assert not list(tmp_path.iterdir())


def test_only_linux_is_asked_for_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert native_build.Build(tmp_path).library is None
