"""Faults of processes, disks and clients, with the real server over stdio and the real engine."""

from __future__ import annotations

import ast
import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types

from benchmarks.soak import probe_server
from infill_completion.api import EngineState
from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.local import LocalEngine
from infill_completion.client.run_directory import engine_paths
from infill_completion.settings import EngineSettings
from infill_server.harness import Editor, EditorDocument
from tests.scripted_engine import ScriptedEngine

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300.0
LAUNCHERS = 8
LAUNCH_ROUNDS = int(os.environ.get("LAUNCH_ROUNDS", "3"))  # `make soak` plays 50
EMBEDDED = EngineSettings(model="embedded", device="cpu", idle_unload_s=300, idle_exit_s=300)
CODE = "def add(left, right):\n    return left + right\n\n\n"


@pytest.fixture
async def harness(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Editor]:
    """A window whose server also tells what text it holds."""
    editor = Editor(command=(sys.executable, "-P", probe_server.__file__))
    async with asyncio.timeout(DEADLINE_S):
        await editor.start(tmp_path)
        yield editor
        await editor.stop()


async def held(editor: Editor) -> dict[str, Any]:
    """Return the hashes of the texts that the server holds."""
    params = types.ExecuteCommandParams(probe_server.PROBE)
    found: Any = await editor.client.workspace_execute_command_async(params)
    return dict(found["texts"])


async def assert_same(editor: Editor, *documents: EditorDocument) -> None:
    assert await held(editor) == {document.uri: probe_server.hash_of(document.text) for document in documents}


async def test_ten_thousand_edits_at_once_are_all_applied(
    engine: ScriptedEngine, harness: Editor, tmp_path: Path
) -> None:
    await harness.loaded(DEADLINE_S)
    engine.default = "1"
    document = harness.open(tmp_path / "a.py", "python", CODE, len(CODE))
    for number in range(10_000):
        harness.type(document, "x = 1\n"[number % 6])
    last = harness.ask(document, invoked=True)
    await assert_same(harness, document)
    assert await last.answer


async def test_a_flood_of_requests_is_answered_to_the_last_one(
    engine: ScriptedEngine, harness: Editor, tmp_path: Path
) -> None:
    await harness.loaded(DEADLINE_S)
    engine.default = "1"
    document = harness.open(tmp_path / "a.py", "python", "x = \n", 4)
    asked = []
    for number in range(1000):
        asked.append(harness.ask(document, invoked=number % 3 == 0))
        if number % 7 == 0:
            harness.withdraw(asked[-1])
    outcomes = await asyncio.gather(*(request.answer for request in asked), return_exceptions=True)
    assert len(outcomes) == 1000
    assert outcomes[-1]
    assert await harness.inline(document)


async def test_a_file_of_fifty_megabytes_is_edited_and_completed(
    engine: ScriptedEngine, harness: Editor, tmp_path: Path
) -> None:
    await harness.loaded(DEADLINE_S)
    engine.default = "1\n"
    text = CODE * (50_000_000 // len(CODE))
    document = harness.open(tmp_path / "huge.py", "python", text + "x = \n" + CODE, len(text) + 4)
    assert await harness.inline(document, invoked=True)
    harness.replace(document, 0, 5, "import os\n")
    document.offset = len(document.text) - len(CODE) - 1
    assert await harness.inline(document, invoked=True)
    await assert_same(harness, document)
    small = harness.open(tmp_path / "small.py", "python", "y = \n", 4)
    assert await harness.inline(small, invoked=True)


async def test_after_a_sleep_of_server_and_engine_requests_are_answered(
    environment: dict[str, str], tmp_path: Path
) -> None:
    editor = Editor({"engine": {"model": "embedded"}, "completion": {"deadline_ms": 20_000}})
    async with asyncio.timeout(DEADLINE_S):
        await editor.start(tmp_path)
        await editor.loaded(DEADLINE_S)
        info = read_connection_file(engine_paths(EngineSettings(model="embedded")))
        assert info is not None
        document = editor.open(tmp_path / "a.py", "python", "def add(left, right):\n    return left + \n", 39)
        for pid in (info.pid, editor.process_id):
            os.kill(pid, signal.SIGSTOP)
        asleep = [editor.ask(document), editor.ask(document, invoked=True)]
        for pid in (editor.process_id, info.pid):
            os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*(request.answer for request in asleep))
        assert await editor.inline(document, invoked=True)
        await editor.stop()
        stop = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "infill_server.entry", "engine", "stop")
        assert await stop.wait() == 0


async def test_many_launchers_at_once_share_one_engine_every_time(environment: dict[str, str]) -> None:
    paths = engine_paths(EMBEDDED)
    async with asyncio.timeout(DEADLINE_S * LAUNCH_ROUNDS):
        for turn in range(LAUNCH_ROUNDS):
            launchers = [LocalEngine(EMBEDDED) for _ in range(LAUNCHERS)]
            # The socket, the lock and the connection file of the engine that was killed before are still there.
            assert turn == 0 or (paths.socket is not None and paths.socket.exists())
            states = await asyncio.gather(*(launcher.wait_ready(DEADLINE_S) for launcher in launchers))
            assert {state.state for state in states} == {EngineState.READY}, [state.reason for state in states]
            pids = {state.pid for state in states}
            assert len(pids) == 1
            for launcher in launchers:
                await launcher.aclose()
            engine = psutil.Process(*pids)
            engine.kill()
            await asyncio.to_thread(psutil.wait_procs, [engine], DEADLINE_S)
    assert [path for path in paths.directory.iterdir() if path.suffix not in {".lock", ".log", ".json", ".sock"}] == []


def no_file_may_grow() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_a_full_disk_is_one_sentence_with_the_next_step(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = \n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "infill_server.entry", "complete", f"{tmp_path / 'a.py'}:1:5", "--model=embedded"],
        capture_output=True, text=True, timeout=DEADLINE_S, check=False, preexec_fn=no_file_may_grow,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.endswith(".")
    assert "free some space" in line


def test_a_trace_on_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from infill_server.recording import trace_file as t\n"
        "try:\n    t.write(Path(sys.argv[1]), {'a': 1}, [])\nexcept t.TraceError as e:\n    print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "trace.jsonl")], capture_output=True, text=True, check=True,
        preexec_fn=no_file_may_grow,
    )  # fmt: skip
    assert "was not written" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_no_duration_is_measured_with_the_clock_on_the_wall() -> None:
    """A clock that jumps must not end a request or keep an engine from being tried again."""
    users = {
        path.relative_to(ROOT).as_posix()
        for root in ("completion", "server")
        for path in (ROOT / root).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"time.time", "datetime.now", "datetime.datetime.now"}
    }
    assert users == {
        # The ages of files, which have only the time on the wall.
        "completion/infill_completion/engine/checkpoints/pull/small.py",
        "completion/infill_completion/engine/model/native/build.py",
        # Connections die while the computer sleeps; a clock that goes back closes them as well.
        "completion/infill_completion/client/remote/transport/transport.py",
        # Times in files that later processes read; both take a time in the future for an old one.
        "completion/infill_completion/catalog/speed_store.py",
        "completion/infill_completion/engine/scheduler/device_failures.py",
        # When suggestions were shown, for days of people; a clock that jumps moves rows.
        "server/infill_server/records/database.py",
        "server/infill_server/records/offered.py",
        "server/infill_server/records/recalibration.py",
        # Goes on while a laptop sleeps; a clock that goes back does not hold it up, since a timer ends it as well.
        "server/infill_server/snooze.py",
        # Dates for people.
        "completion/infill_completion/engine/process/learn.py",
        "server/infill_server/commands/stats/command.py",
        "completion/infill_completion/engine/bench/report.py",
        "completion/infill_completion/engine/http/app.py",
        "completion/infill_completion/engine/http/responses.py",
        "server/infill_server/commands/bench/machine.py",
    }
