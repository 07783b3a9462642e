"""The status line from the first start to a failure, with the real server and a scripted engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.drivers.installation import home
from benchmarks.drivers.neovim import Neovim, start
from infill_completion.settings import EngineSettings
from tests.scripted_engine import Reply, ScriptedEngine

pytestmark = pytest.mark.editor

START_S = 60.0
PAGE = Path(__file__).parents[3] / "docs" / "neovim.md"


def documented_status_line() -> str:
    """Return the documented line of Lua."""
    [line] = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("vim.o.statusline")]
    return line


@contextmanager
def story(folder: Path, engine: ScriptedEngine, environment: dict[str, str]) -> Iterator[Neovim]:
    with engine:
        nvim = start(folder, "work", environment, documented_status_line())
        try:
            yield nvim
        finally:
            nvim.close()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    with home(tmp_path) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


def shows(nvim: Neovim, text: str) -> None:
    """Wait until the status line, the last but one row of the screen, ends with ``text``."""
    nvim.until(lambda: nvim.screen()[-2].endswith(text), f"the status line ends with {text!r}", START_S)


def test_from_loading_to_ready_to_busy_to_off(tmp_path: Path, environment: dict[str, str]) -> None:
    load, answer = threading.Event(), threading.Event()
    engine = ScriptedEngine(EngineSettings(model="embedded"), hold_load=load)
    engine.says(Reply(["a", answer, " + b"]))
    with story(tmp_path, engine, environment) as nvim:
        nvim.open("add.py", b"def add(a, b):\n    \n")
        shows(nvim, "infill 50%")
        load.set()
        shows(nvim, "infill ✓")
        nvim.type("GAreturn ")
        shows(nvim, "infill …")
        answer.set()
        nvim.until_ghost("a + b")
        shows(nvim, "infill ✓")
        nvim.escape()
        nvim.api.command("Infill toggle")
        shows(nvim, "infill off")
        nvim.api.command("Infill toggle")
        shows(nvim, "infill ✓")


def test_a_private_file_shows_it_and_stays_private(tmp_path: Path, environment: dict[str, str]) -> None:
    engine = ScriptedEngine(EngineSettings(model="embedded"), default="load()")
    with story(tmp_path, engine, environment) as nvim:
        nvim.open("secrets.py")
        shows(nvim, "infill ✓")
        nvim.type("ikey = ")
        shows(nvim, "infill –")
        assert nvim.ghost() == ""
        assert engine.requests == []
        assert "ignore rule" in nvim.api.command_output("Infill status")


def test_a_model_that_cannot_be_loaded_shows_the_reason(tmp_path: Path, environment: dict[str, str]) -> None:
    reason = "The model folder /models/none does not exist; correct engine.model."
    engine = ScriptedEngine(EngineSettings(model="embedded"), load_error=reason)
    with story(tmp_path, engine, environment) as nvim:
        path = nvim.open("add.py", b"x = 1\n")
        shows(nvim, "infill ✗")
        assert reason in nvim.api.command_output("Infill status")
        nvim.type("A0")
        nvim.until_lines("x = 10")
        assert nvim.save(path) == b"x = 10\n"
