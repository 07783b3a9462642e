"""Editors and engines of the stories told over real stdio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import Editor, visual_studio_code
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the test's processes a run directory and a settings file of their own."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    environment = {
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "INFILL_LS_CONFIG": str(tmp_path / "config.toml"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # A busy machine must not cut an answer that a test holds back.
    (tmp_path / "config.toml").write_text("[completion]\ndeadline_ms = 60000\n")
    return environment


@pytest.fixture
def engine(home: dict[str, str]) -> Iterator[ScriptedEngine]:
    """Run an engine that says what the test tells it to."""
    with ScriptedEngine() as engine:
        yield engine


@pytest.fixture
async def window(home: dict[str, str]) -> AsyncIterator[Editor]:
    """Start a server process; the test says hello itself."""
    editor = Editor()
    await editor.start(home)
    yield editor
    await editor.close()


@pytest.fixture
async def editor(engine: ScriptedEngine, window: Editor) -> Editor:
    """Open VS Code with the scripted engine ready."""
    await window.initialize(visual_studio_code())
    await window.ready()
    return window
