"""Fixtures of the end-to-end tests: editors over real stdio, and a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import Editor, visual_studio_code
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the processes of each test their own run directory and settings file."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    variables = {
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "INFILL_LS_CONFIG": str(tmp_path / "config.toml"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # A long deadline, so that an answer delayed by a test is not cut on a busy machine.
    (tmp_path / "config.toml").write_text("[completion]\ndeadline_ms = 60000\n")
    return variables


@pytest.fixture
def engine(environment: dict[str, str]) -> Iterator[ScriptedEngine]:
    """Run an engine whose replies the test scripts."""
    with ScriptedEngine() as engine:
        yield engine


@pytest.fixture
async def window(environment: dict[str, str]) -> AsyncIterator[Editor]:
    """Start a server process; the test initializes it."""
    editor = Editor()
    await editor.start(environment)
    yield editor
    await editor.close()


@pytest.fixture
async def editor(engine: ScriptedEngine, window: Editor) -> Editor:
    """Open VS Code with the scripted engine ready."""
    await window.initialize(visual_studio_code())
    await window.ready()
    return window
