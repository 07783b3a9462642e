"""The whole system: console script, engine process, embedded model."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.run_directory import engine_paths
from infill_completion.settings import EngineSettings
from tests.e2e.editor import CONSOLE_SCRIPT, Editor, neovim, visual_studio_code

PROGRAM = """\
def first_name(people):
    names = []
    for person in people:
        names.append(person.first_name)
    return names


def last_name(people):
    names = []
    for person in people:
        names.append(person.|
"""
SETTINGS = {"completion": {"deadline_ms": 20_000}}


@pytest.fixture
async def real(environment: dict[str, str]) -> AsyncIterator[Editor]:
    """A window whose server starts the real engine; the engine is ended after the test."""
    editor = Editor()
    await editor.start(environment)
    yield editor
    await editor.close()
    stop = await asyncio.create_subprocess_exec(CONSOLE_SCRIPT, "engine", "stop", env={**os.environ, **environment})
    assert await stop.wait() == 0


async def test_the_embedded_model_completes_within_its_memory_limit(real: Editor) -> None:
    await real.initialize(neovim(), SETTINGS)
    await real.ready()
    buffer = real.open(PROGRAM)
    ghosts = await buffer.ghosts(by_key=True)
    assert ghosts
    assert str(ghosts[0].insert_text).startswith("        names.append(person.")
    popup = await buffer.popup()
    assert popup.items
    info = read_connection_file(engine_paths(EngineSettings()))
    assert info is not None
    assert psutil.Process(info.pid).memory_info().rss < 900 * 1024 * 1024
    assert psutil.Process(real.pid).memory_info().rss < 80 * 1024 * 1024


async def test_a_killed_engine_is_started_again_by_the_next_request(real: Editor) -> None:
    await real.initialize(visual_studio_code(), SETTINGS)
    await real.ready()
    info = read_connection_file(engine_paths(EngineSettings()))
    assert info is not None
    before = len(real.statuses)
    os.kill(info.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(info.pid)] if psutil.pid_exists(info.pid) else [], timeout=10)
    buffer = real.open(PROGRAM)
    await buffer.ghosts(by_key=True)
    await real.wait_for_kind("Normal", since=before)
    assert await buffer.ghosts(by_key=True)
    again = read_connection_file(engine_paths(EngineSettings()))
    assert again is not None
    assert again.pid != info.pid


async def test_restart_ends_the_engine_and_starts_another(real: Editor) -> None:
    await real.initialize(visual_studio_code(), SETTINGS)
    await real.ready()
    info = read_connection_file(engine_paths(EngineSettings()))
    assert info is not None
    before = len(real.statuses)
    await real.command("infill.restart")
    await real.wait_for_kind("Warning", since=before)
    await real.wait_for_kind("Normal", since=before)
    again = read_connection_file(engine_paths(EngineSettings()))
    assert again is not None
    assert again.pid != info.pid


async def test_an_engine_that_the_settings_no_longer_name_ends_at_once(real: Editor) -> None:
    capabilities = visual_studio_code()
    assert capabilities.workspace is not None
    capabilities.workspace.configuration = False
    await real.initialize(capabilities, SETTINGS)
    await real.ready()
    assert await real.open(PROGRAM).ghosts(by_key=True)
    former = read_connection_file(engine_paths(EngineSettings()))
    assert former is not None
    before = len(real.statuses)
    changed = {"infill": {**SETTINGS, "engine": {"context_tokens": 512}}}
    real.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=changed))
    await real.wait_for_kind("Warning", since=before)
    await real.wait_for_kind("Normal", since=before)
    now = read_connection_file(engine_paths(EngineSettings(context_tokens=512)))
    assert now is not None
    assert now.pid != former.pid
    assert read_connection_file(engine_paths(EngineSettings())) is None
    assert not psutil.pid_exists(former.pid) or psutil.Process(former.pid).status() == psutil.STATUS_ZOMBIE


async def test_no_code_of_a_hostile_workspace_is_run(environment: dict[str, str], tmp_path: Path) -> None:
    workspace, trap = tmp_path / "workspace", tmp_path / "sprung"
    (workspace / "server").mkdir(parents=True)
    (workspace / "infill_completion").mkdir()
    spring = f"open({str(trap)!r}, 'w').close()\nraise SystemExit('sprung')\n"
    for name in ("server/__init__", "attrs", "types", "httpx", "torch", "pygls", "infill_completion/__init__"):
        (workspace / f"{name}.py").write_text(spring)
    editor = Editor()
    try:
        await editor.start({**environment, "PYTHONPATH": "."}, folder=workspace)
        await editor.initialize(visual_studio_code(), SETTINGS, workspace)
        await editor.ready()
        assert await editor.open(PROGRAM, (workspace / "a.py").as_uri()).ghosts(by_key=True)
        assert not trap.exists()
    finally:
        await editor.close()
        stop = await asyncio.create_subprocess_exec(CONSOLE_SCRIPT, "engine", "stop", env={**os.environ, **environment})
        assert await stop.wait() == 0
