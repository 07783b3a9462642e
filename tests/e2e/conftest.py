"""Fixtures of the end-to-end tests: editors over real stdio, and a scripted engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.edit_plugin import TEXT, URI, Plugin, Start
from tests.e2e.editor import CONSOLE_SCRIPT, Editor, visual_studio_code
from tests.e2e.wire import Wire
from tests.run_directory import run_directory_in
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Give the processes of each test their own run directory and settings file, and end engines that stay there.

    A server that is killed may just have started one, which would wait half an hour for its first window.
    """
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
    with run_directory_in(runtime):
        yield variables


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


@pytest.fixture
async def start(environment: dict[str, str]) -> AsyncIterator[Start]:
    """Start servers for plugins that ask for next edits."""
    processes: list[asyncio.subprocess.Process] = []

    async def run(
        *options: str,
        encodings: tuple[str, ...] = (),
        text: str = TEXT,
        uri: str = URI,
        root: Path | None = None,
        client: str = "",
        focuses: bool = True,
        **extra: Any,
    ) -> Plugin:
        process = await asyncio.create_subprocess_exec(
            CONSOLE_SCRIPT, *options, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        wire = Wire(process, process.stdout, process.stdin)
        capabilities = {"general": {"positionEncodings": list(encodings)}} if encodings else {}
        folder = root.as_uri() if root is not None else None
        hello = {"processId": None, "rootUri": folder, "capabilities": capabilities, "initializationOptions": extra}
        if client:
            hello["clientInfo"] = {"name": client}
        return Plugin(wire, await wire.ask("initialize", hello), text, uri, focuses=focuses)

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()
