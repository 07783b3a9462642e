"""Real engine processes with the embedded model: started, shared, killed, cancelled, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import psutil
import pytest

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, FinishReason
from infill_completion.client import engine as client_engine
from infill_completion.client.engine import EngineClient, address_of
from infill_completion.client.launch import engine_command, engine_environment
from infill_completion.client.local import LocalEngine
from infill_completion.client.process import lock_holder, terminate
from infill_completion.client.run_directory import EnginePaths, engine_paths
from infill_completion.client.shutdown import end_engine
from infill_completion.engine.process.lock import FileLock
from infill_completion.settings import EngineSettings
from tests.run_directory import run_directory_in

START_S = 180.0
END_S = 60.0
# Cached checkpoints must not change what is tested, and the engine of a killed test run must end by itself.
TINY = EngineSettings(model="embedded", device="cpu", idle_unload_s=300, idle_exit_s=300)
ASK = CompletionRequest(
    prefix="def total_of_all_my_numbers(numbers):\n    total = 0\n    for number in numbers:\n        ",
    suffix="\n    return total\n",
    max_tokens=64,
)


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    with run_directory_in(tmp_path):
        yield tmp_path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run directory with one engine that is ready, for the tests that leave it running."""
    base = tmp_path_factory.mktemp("shared")
    with run_directory_in(base):
        asyncio.run(_make_ready())
        yield base


async def _make_ready() -> None:
    """Two windows that open at the same moment start one engine."""
    async with window() as one, window() as other:
        health, same = await asyncio.gather(one.wait_ready(START_S), other.wait_ready(START_S))
        assert health.state is EngineState.READY, health.reason
        assert same.pid == health.pid


@contextlib.asynccontextmanager
async def window(settings: EngineSettings = TINY) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(settings)
    try:
        yield engine
    finally:
        await engine.aclose()


async def chunks_of(engine: LocalEngine, request: CompletionRequest = ASK) -> list[Chunk]:
    return [chunk async for chunk in engine.complete(request)]


def http(paths: EnginePaths) -> httpx.Client:
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(paths.socket)), base_url="http://engine", timeout=END_S)


def wait_for_end(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
        psutil.Process(pid).wait(END_S)


async def test_the_embedded_model_answers_and_every_token_is_counted(shared: Path) -> None:
    async with window() as engine:
        await engine.wait_ready(START_S)
        chunks = await chunks_of(engine)
    assert chunks[-1].finish_reason is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens >= 1
    assert chunks[-1].usage.prompt_tokens > 10
    assert {"prefill_ms", "decode_ms", "ttft_ms", "tokens_per_s"} <= chunks[-1].timings.keys()
    assert "".join(chunk.text for chunk in chunks).strip()


async def test_the_same_seed_gives_the_same_text_streamed_and_whole(shared: Path) -> None:
    body = {"prompt": ASK.prefix, "suffix": ASK.suffix, "max_tokens": 16, "temperature": 0.8, "seed": 11}
    with http(engine_paths(TINY)) as client:
        whole = client.post("/v1/completions", json=body).json()["choices"][0]["text"]
        streamed = client.post("/v1/completions", json={**body, "stream": True}).text
    parts = [json.loads(line[6:]) for line in streamed.split("\n") if line.startswith("data: {")]
    assert "".join(part["choices"][0]["text"] for part in parts) == whole


async def test_a_window_is_answered_while_another_windows_answer_continues(shared: Path) -> None:
    async with window() as one, window() as other:
        await asyncio.gather(one.wait_ready(START_S), other.wait_ready(START_S))
        long = one.complete(CompletionRequest("numbers = [1, ", n=4, max_tokens=400, temperature=1.0, seed=1))
        await anext(long)
        (*_, last) = await chunks_of(other, replace(ASK, max_tokens=4))
        assert last.finish_reason is not None
        with http(engine_paths(TINY)) as client:
            assert client.get("/health").json()["details"]["running"] == 1
        await long.aclose()
        await wait_until_idle()


async def wait_until_idle() -> None:
    """Wait until no request is running, so that the next test starts from an idle engine."""
    until = time.monotonic() + END_S
    with http(engine_paths(TINY)) as client:
        while client.get("/health").json()["details"]["running"]:
            assert time.monotonic() < until


async def test_closing_the_connection_stops_the_decode(shared: Path) -> None:
    paths = engine_paths(TINY)
    with http(paths) as client:
        before = cancelled_of(client)
        async with window() as engine:
            await engine.wait_ready(START_S)
            stream = engine.complete(CompletionRequest("numbers = [1, ", n=4, max_tokens=400, temperature=1.0))
            await anext(stream)
            await stream.aclose()
        until = time.monotonic() + END_S
        while cancelled_of(client) != before + 1:
            assert time.monotonic() < until
        assert client.get("/health").json()["details"]["running"] == 0


def cancelled_of(client: httpx.Client) -> int:
    """Return how many requests of the engine were cancelled."""
    found = re.search(r'infill_requests_total\{outcome="cancelled"\} (\d+)', client.get("/metrics").text)
    return int(found[1]) if found else 0


async def test_the_engine_stays_below_900_megabytes(shared: Path) -> None:
    with http(engine_paths(TINY)) as client:
        pid = client.get("/health").json()["pid"]
        client.post("/v1/completions", json={"prompt": "x = 1\n" * 2000, "n": 4, "max_tokens": 8}).raise_for_status()
    assert psutil.Process(pid).memory_info().rss < 900e6


async def test_the_log_contains_no_buffer_text(shared: Path) -> None:
    paths = engine_paths(TINY)
    with http(paths) as client:
        secret = "correct_horse_battery_staple"
        client.post("/v1/completions", json={"prompt": secret, "suffix": secret, "max_tokens": 4}).raise_for_status()
        client.post("/v1/completions", content=secret.encode())
    log = paths.log.read_text()
    assert "is ready" in log
    assert "horse" not in log


def test_a_second_engine_ends_at_once_without_importing_torch(shared: Path) -> None:
    paths = engine_paths(TINY)
    with http(paths) as client:
        pid = client.get("/health").json()["pid"]
    command = engine_command(TINY)
    command[1:1] = ["-X", "importtime"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=END_S, env=engine_environment(), check=False)
    assert done.returncode == 0
    assert f"An engine with these settings already runs (process {pid})." in done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "infill_completion.engine.process.lock" in imported
    assert not {"torch", "transformers", "tokenizers"} & imported
    assert done.stdout == ""
    with http(paths) as client:
        assert client.get("/health").json()["pid"] == pid


async def test_a_killed_engine_is_started_again_by_the_next_request(run_dir: Path) -> None:
    async with window() as engine:
        first = await engine.wait_ready(START_S)
        assert first.state is EngineState.READY, first.reason
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        with pytest.raises(EngineUnavailableError) as refused:
            await chunks_of(engine)
        assert refused.value.state is EngineState.LOADING
        second = await engine.wait_ready(START_S)
        assert second.state is EngineState.READY
        assert second.pid != first.pid
        assert await chunks_of(engine)


# An engine whose device is lost while a file is there.
_FAULTY = """
import sys
from pathlib import Path
import torch
from infill_completion.engine import __main__ as engine
from infill_completion.engine.decoding.run import Run

steps = Run.steps

def failing(self):
    if Path({marker!r}).exists():
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    yield from steps(self)

Run.steps = failing
sys.exit(engine.main(sys.argv[1:]))
"""


async def test_an_engine_whose_device_is_lost_is_replaced_once_and_then_left_alone(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = run_dir / "faulty"

    def command(settings: EngineSettings) -> list[str]:
        script = _FAULTY.format(marker=str(marker))
        return [sys.executable, "-P", "-c", script, *engine_command(settings)[4:]]

    monkeypatch.setattr("infill_completion.client.local.engine_command", command)
    pids = set()
    async with window() as engine:
        for sentence in ("the next request starts a new engine", "The device failed again"):
            health = await engine.wait_ready(START_S)
            assert health.state is EngineState.READY, health.reason
            assert health.pid is not None
            pids.add(health.pid)
            marker.touch()
            with pytest.raises(EngineUnavailableError, match=sentence):
                await chunks_of(engine)
            await asyncio.to_thread(wait_for_end, health.pid)
            marker.unlink()
            with pytest.raises(EngineUnavailableError):
                await chunks_of(engine)  # it is gone, and another one starts
        refused = await engine.wait_ready(START_S)
        assert refused.state is EngineState.FAILED
        assert "The device failed 2 times; set engine.device to `cpu`" in refused.reason
        await end_engine(TINY)  # as the command infill.restart does
    assert len(pids) == 2
    async with window() as engine:
        health = await engine.wait_ready(START_S)
        assert health.state is EngineState.READY, health.reason
        assert await chunks_of(engine)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
async def test_an_engine_that_no_longer_answers_is_replaced(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infill_completion.client.supervisor.SUSPICIOUS_S", 0.5)
    monkeypatch.setattr("infill_completion.client.process.TERM_S", 0.5)
    async with window() as engine:
        frozen = (await engine.wait_ready(START_S)).pid
        assert frozen is not None
        os.kill(frozen, signal.SIGSTOP)
        for _ in range(3):
            [chunk] = await chunks_of(engine, replace(ASK, deadline_ms=50))
            assert chunk.finish_reason is FinishReason.DEADLINE
        assert "does not answer" in engine.last_health.reason
        health = await engine.wait_ready(START_S)
        assert health.state is EngineState.READY
        assert health.pid != frozen
        wait_for_end(frozen)
        assert await chunks_of(engine)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
async def test_an_engine_that_does_not_answer_is_listed_and_ended_by_hand(run_dir: Path) -> None:
    def infill_ls(*arguments: str) -> str:
        command = [sys.executable, "-P", "-m", "infill_server.entry", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=True).stdout

    async with window() as engine:
        frozen = (await engine.wait_ready(START_S)).pid
        assert frozen is not None
    os.kill(frozen, signal.SIGSTOP)
    assert f"does not answer, process {frozen}" in await asyncio.to_thread(infill_ls, "engine", "status")
    assert f"(process {frozen})" in await asyncio.to_thread(infill_ls, "engine", "stop")
    wait_for_end(frozen)
    assert (
        await asyncio.to_thread(infill_ls, "engine", "status")
        == "No engine is running; the first request starts one.\n"
    )


def test_only_the_process_that_holds_the_lock_is_ended(run_dir: Path) -> None:
    paths = engine_paths(TINY)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        paths.lock.write_text(str(stranger.pid))
        assert lock_holder(paths) is None
        assert asyncio.run(terminate(paths, stranger.pid))
        lock = FileLock(paths.lock)
        assert lock.acquire()
        paths.lock.write_text(str(stranger.pid))
        assert not asyncio.run(terminate(paths, stranger.pid))
        assert stranger.poll() is None
        lock.release()
        stranger.communicate(b"\n")


async def test_an_engine_killed_while_loading_is_reported_in_one_sentence(run_dir: Path) -> None:
    async with window() as engine:
        starting = asyncio.create_task(engine.start())
        async with asyncio.timeout(START_S):
            while (pid := engine.last_health.pid) is None:
                with pytest.raises(EngineUnavailableError):
                    await chunks_of(engine)
        os.kill(pid, signal.SIGKILL)
        await starting
        assert engine.last_health.state is EngineState.FAILED
        assert "was killed by signal 9" in engine.last_health.reason
        assert "infill-ls doctor" in engine.last_health.reason


async def test_health_answers_while_the_model_loads_and_a_signal_ends_the_engine_cleanly(run_dir: Path) -> None:
    paths = engine_paths(TINY)
    async with window() as engine:
        starting = asyncio.create_task(engine.start())
        async with asyncio.timeout(START_S):
            while (pid := engine.last_health.pid) is None:
                with pytest.raises(EngineUnavailableError):
                    await chunks_of(engine)
        assert engine.last_health.state in {EngineState.STARTING, EngineState.LOADING}
        starting.cancel()
        await engine.aclose()
        os.kill(pid, signal.SIGTERM)
        await asyncio.to_thread(wait_for_end, pid)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert sorted(path.suffix for path in paths.directory.iterdir()) == [".lock", ".log"]
    assert FileLock(paths.lock).acquire()
    assert "Signal 15" in paths.log.read_text()


async def test_an_engine_ends_with_its_last_window_and_not_before(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = engine_paths(TINY)
    async with window() as engine:
        health = await engine.wait_ready(START_S)
        assert health.pid is not None
        address = address_of(paths)
        assert address is not None
        one = EngineClient(address, as_window=True)
        monkeypatch.setattr(client_engine, "_CLIENT", "another window")
        other = EngineClient(address, as_window=True)
        assert [chunk async for chunk in one.complete(ASK)]
        await other.health()  # the window has opened, but nothing was typed yet
        await EngineClient(address).health()  # a client that only looks
        assert not await one.leave()
        assert (await other.health()).pid == health.pid
        assert await other.leave()
        await asyncio.to_thread(wait_for_end, health.pid)
        await asyncio.gather(one.aclose(), other.aclose())
    assert address_of(paths) is None


async def test_an_idle_engine_ends(run_dir: Path) -> None:
    settings = EngineSettings(model="embedded", device="cpu", idle_unload_s=1, idle_exit_s=1)
    async with window(settings) as engine:
        health = await engine.wait_ready(START_S)
        assert health.state is EngineState.READY, health.reason
        assert health.pid is not None
        await asyncio.to_thread(wait_for_end, health.pid)
    assert address_of(engine_paths(settings)) is None
    assert "No request for" in engine_paths(settings).log.read_text()


async def test_a_missing_model_is_reported_in_one_sentence_with_the_next_step(run_dir: Path) -> None:
    settings = EngineSettings(model=str(run_dir / "no-such-model"), device="cpu")
    async with window(settings) as engine:
        health = await engine.wait_ready(START_S)
        assert health.state is EngineState.FAILED
        assert "no-such-model" in health.reason
        assert health.reason.endswith(".")
        with pytest.raises(EngineUnavailableError, match="no-such-model"):
            await chunks_of(engine)
        # The process stays for a while, so that every window gets the reason.
        client = EngineClient(address_of(engine_paths(settings)) or pytest.fail("it should still listen"))
        assert (await client.health()).state is EngineState.FAILED
        await client.shutdown()
        await client.aclose()
        assert health.pid is not None
        await asyncio.to_thread(wait_for_end, health.pid)


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="needs an interpreter without the package")
async def test_an_engine_that_cannot_start_is_reported_with_the_end_of_its_log(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", sys._base_executable)  # type: ignore[attr-defined]
    async with window() as engine:
        health = await engine.wait_ready(START_S)
        assert health.state is EngineState.FAILED
        assert "No module named" in health.reason
        with pytest.raises(EngineUnavailableError, match="No module named"):
            await chunks_of(engine)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--settings", "{"], "--settings takes"),
        (["--settings", '{"modell": "x"}'], "engine.modell"),
        (["--settings", '{"context_tokens": "many"}'], "engine.context_tokens"),
        (["--settings", "{}", "--tcp", "nowhere"], "--tcp takes HOST:PORT"),
        (["--settings", "{}", "--tcp", "127.0.0.1:99999"], "--tcp takes HOST:PORT"),
        (["--settings", "{}", "--tcp", "192.0.2.1:80"], "cannot listen"),
    ],
)
def test_a_usage_error_is_one_sentence_and_exit_code_2(run_dir: Path, arguments: list[str], sentence: str) -> None:
    command = [sys.executable, "-P", "-m", "infill_completion.engine", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=END_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


_TRAP = "from pathlib import Path\nPath({marker!r}).write_text(__file__)\nraise SystemExit('a trap')\n"


async def test_modules_of_the_workspace_with_our_names_are_not_run(
    run_dir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path_factory.mktemp("workspace")
    marker = workspace / "ran"
    names = [
        "attrs",
        "types",
        "torch",
        "numpy",
        "sitecustomize",
        "usercustomize",
        "server/__init__",
        "asyncio/__init__",
    ]
    for name in [*names, "infill_completion/__init__", "infill_completion/engine/__init__"]:
        path = workspace / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_TRAP.format(marker=str(marker)))
    monkeypatch.chdir(workspace)
    for variable in ("PYTHONPATH", "PYTHONSTARTUP"):
        monkeypatch.setenv(variable, "." if variable == "PYTHONPATH" else "types.py")
    async with window() as engine:
        health = await engine.wait_ready(START_S)
        assert health.state is EngineState.READY, health.reason
        assert health.pid is not None
        assert psutil.Process(health.pid).cwd() == str(engine_paths(TINY).directory)
        assert await chunks_of(engine)
    assert not marker.exists()


_EDITOR = """
import asyncio, json, sys
from infill_completion.client.local import LocalEngine
from infill_completion.settings import EngineSettings
from infill_completion.client.launch import engine_command, engine_environment

async def edit():
    engine = LocalEngine(EngineSettings(**json.loads(sys.argv[1])), lambda health: print(health.pid, flush=True))
    await engine.start()

asyncio.run(edit())
"""


def test_a_killed_editor_leaves_the_engine_and_no_other_process(run_dir: Path) -> None:
    editor = subprocess.Popen(
        [sys.executable, "-c", _EDITOR, json.dumps(asdict(TINY))],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert editor.stdout is not None
    pid = next(int(line) for line in editor.stdout if line.strip() != "None")
    assert [child.pid for child in psutil.Process(editor.pid).children(recursive=True)] == [pid]
    os.killpg(editor.pid, signal.SIGKILL)  # as a closing terminal does to all its processes
    editor.wait(END_S)
    editor.stdout.close()
    engine = psutil.Process(pid)
    assert engine.is_running()
    assert engine.status() != psutil.STATUS_ZOMBIE
    assert os.getsid(pid) == pid
    assert engine.children(recursive=True) == []
    until = time.monotonic() + END_S
    with http(engine_paths(TINY)) as client:
        assert client.get("/health").json()["pid"] == pid
        client.post("/shutdown").raise_for_status()
    wait_for_end(pid)
    assert time.monotonic() < until
