"""The local engine: connecting to it, following its state and asking it, with a scripted model."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, FinishReason, Health
from infill_completion.client.connect import engine_for
from infill_completion.client.engine import EngineClient, address_of
from infill_completion.client.events import EventReader
from infill_completion.client.http import Address
from infill_completion.client.launch import log_tail
from infill_completion.client.local import LocalEngine
from infill_completion.client.remote.engine import RemoteEngine
from infill_completion.client.wire import chunks_from_json
from infill_completion.engine.scheduler.activity import IdleLimits
from infill_completion.settings import EngineSettings, Settings
from tests.scripted_engine import DEADLINE_S, Reply, ScriptedEngine

ASK = CompletionRequest("def f():\n    ", "\n")


@pytest.fixture(autouse=True)
def runtime_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@contextlib.asynccontextmanager
async def window(settings: EngineSettings, reported: list[Health] | None = None) -> AsyncIterator[LocalEngine]:
    """An editor window with its connection to the engine."""
    engine = LocalEngine(settings, reported.append if reported is not None else None)
    try:
        yield engine
    finally:
        await engine.aclose()


async def text_of(engine: LocalEngine, request: CompletionRequest = ASK) -> str:
    return "".join([chunk.text async for chunk in engine.complete(request)])


async def test_a_running_engine_is_used_and_several_windows_share_it() -> None:
    with ScriptedEngine(default="pass") as running:
        async with window(running.settings) as first, window(running.settings) as second:
            ready = [await first.wait_ready(DEADLINE_S), await second.wait_ready(DEADLINE_S)]
            assert [health.state for health in ready] == [EngineState.READY] * 2
            assert [await text_of(first), await text_of(second)] == ["pass", "pass"]
        client = EngineClient(address_of(running.paths) or pytest.fail("it listens"))
        assert 'infill_requests_total{outcome="stop"} 2' in await client.metrics()
        assert [model["id"] for model in await client.models()] == ["scripted"]
        await client.aclose()
        assert running.loads == 1


async def test_the_first_request_is_answered_if_an_engine_is_ready() -> None:
    with ScriptedEngine(default="pass") as running:
        async with window(running.settings) as warm:
            await warm.wait_ready(DEADLINE_S)
        async with window(running.settings) as cold:
            assert await text_of(cold) == "pass"


async def test_every_field_of_a_request_and_a_chunk_survives_the_socket() -> None:
    request = CompletionRequest(
        "p", "s", max_tokens=9, temperature=0.5, top_p=0.7, n=1, seed=4, stop=("\n\n",), logprobs=2, explain=True
    )
    with ScriptedEngine() as running:
        running.says(Reply(["a", "\u2028", "é😀"], FinishReason.LENGTH, logprob=-0.25))
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            chunks = [chunk async for chunk in engine.complete(request)]
    assert running.requests == [request]
    assert [chunk.text for chunk in chunks] == ["a", "\u2028", "é😀", ""]
    assert sum(chunk.logprob_sum for chunk in chunks) == -0.75
    assert sum(chunk.token_count for chunk in chunks) == 3
    assert chunks[-1].finish_reason is FinishReason.LENGTH
    assert chunks[-1].usage is not None
    assert chunks[-1].explain == {"prefix": "p"}


async def test_while_the_model_loads_requests_are_refused_at_once_and_progress_is_reported() -> None:
    hold = threading.Event()
    reported: list[Health] = []
    with ScriptedEngine(default="pass", hold_load=hold) as running:
        async with window(running.settings, reported) as engine:
            with pytest.raises(EngineUnavailableError) as refused:
                await text_of(engine)
            assert refused.value.state is EngineState.LOADING
            hold.set()
            assert (await engine.wait_ready(DEADLINE_S)).state is EngineState.READY
            assert await text_of(engine) == "pass"
        assert len(running.requests) == 1
    assert any(health.progress == 0.5 for health in reported)
    assert reported[-1].state is EngineState.READY
    assert len(set(map(str, reported))) == len(reported)


async def test_a_model_that_fails_to_load_is_reported_in_the_same_sentence_every_time() -> None:
    reason = "There is no model at nowhere; correct engine.model."
    with ScriptedEngine(load_error=reason) as running:
        async with window(running.settings) as engine:
            health = await engine.wait_ready(DEADLINE_S)
            assert (health.state, health.reason) == (EngineState.FAILED, reason)
            for _ in range(2):
                with pytest.raises(EngineUnavailableError, match=r"correct engine\.model"):
                    await text_of(engine)


async def test_an_engine_that_ends_again_and_again_without_an_error_is_not_started_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts: list[None] = []

    def command(_settings: Settings) -> list[str]:
        starts.append(None)
        return [sys.executable, "-c", ""]

    monkeypatch.setattr("infill_completion.client.local.engine_command", command)
    async with window(EngineSettings()) as engine:
        health = await engine.wait_ready(DEADLINE_S)
    assert health.state is EngineState.FAILED
    assert "ended with code 0 while it started" in health.reason
    assert 1 < len(starts) < 10


def test_an_engine_whose_model_failed_to_load_ends_after_a_while() -> None:
    with ScriptedEngine(load_error="No.", idle=IdleLimits(failed_exit_s=0.05)) as running:
        running.wait_until_ended()
        assert address_of(running.paths) is None


async def test_the_next_request_loads_unloaded_weights_again() -> None:
    with ScriptedEngine(default="pass", idle=IdleLimits(unload_s=0.2, exit_s=600)) as running:
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            await asyncio.to_thread(running.wait_for, lambda: running.unloads or None)
            with pytest.raises(EngineUnavailableError) as refused:
                await text_of(engine)
            assert refused.value.state is not EngineState.FAILED
            await asyncio.to_thread(running.wait_for, lambda: running.loads == 2 or None)
            assert (await engine.wait_ready(DEADLINE_S)).state is EngineState.READY


def test_an_idle_engine_unloads_its_weights_and_ends() -> None:
    with ScriptedEngine(idle=IdleLimits(unload_s=0.05, exit_s=0.1)) as running:
        running.wait_until_ended()
        assert running.unloads == 1
        assert address_of(running.paths) is None


async def test_closing_the_stream_stops_decoding_before_the_next_token() -> None:
    gate = threading.Event()
    with ScriptedEngine() as running:
        running.says(Reply(["one", gate, "two"]))
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            stream = engine.complete(ASK)
            assert (await anext(stream)).text == "one"
            await stream.aclose()
            await asyncio.to_thread(running.wait_for_cancellation, ASK)
            gate.set()
            running.says("next")
            assert await text_of(engine) == "next"
        assert running.tokens_said == 2


async def test_cancelling_the_task_stops_decoding() -> None:
    with ScriptedEngine() as running:
        running.says(Reply([threading.Event(), "never"]))
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            task = asyncio.create_task(text_of(engine))
            await asyncio.to_thread(running.wait_for_request)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(running.wait_for_cancellation, ASK)
        assert running.tokens_said == 0


async def test_cancelling_at_any_moment_leaks_no_connection() -> None:
    with ScriptedEngine(default=Reply(["a"] * 20)) as running:
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            before = psutil.Process().num_fds()
            for moment in range(150):
                task = asyncio.create_task(text_of(engine))
                for _ in range(moment % 50):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert await text_of(engine) == "a" * 20
            await asyncio.to_thread(running.wait_for, lambda: len(running.connections()) <= 1 or None)
            assert psutil.Process().num_fds() <= before + 2


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"",
        b"H" * 100_000,
    ],
)
async def test_another_program_on_the_socket_is_reported(tmp_path: Path, answer: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(handle, tmp_path / "socket"):
        client = EngineClient(Address(tmp_path / "socket"))
        with pytest.raises(EngineUnavailableError, match=r"Another program listens|does not answer"):
            await client.health()
        with pytest.raises(EngineUnavailableError, match=r"not a completion|does not answer"):
            await anext(client.complete(ASK))
        await client.aclose()


async def test_an_idle_connection_that_the_engine_closed_is_reopened(tmp_path: Path) -> None:
    served = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"state":"ready"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(handle, tmp_path / "socket"):
        client = EngineClient(Address(tmp_path / "socket"))
        for _ in range(3):
            assert (await client.health()).state is EngineState.READY
        await client.aclose()
    assert served == 3


async def test_connections_are_reused() -> None:
    with ScriptedEngine(default="pass") as running:
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            for _ in range(5):
                await text_of(engine)
            assert len(running.connections()) == 1


async def test_an_engine_that_ends_in_the_middle_of_an_answer_is_reported() -> None:
    with ScriptedEngine() as running:
        running.says(Reply(["one", threading.Event(), "two"]))
        client = EngineClient(address_of(running.paths) or pytest.fail("it listens"))
        running.wait_for(lambda: running.loads or None)
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            stream = client.complete(ASK)
            assert (await anext(stream)).text == "one"
            await asyncio.to_thread(running.stop)
            with pytest.raises(EngineUnavailableError, match="shutting down"):
                async for _ in stream:
                    pass
            await client.aclose()


async def test_tcp_works_with_the_token_of_the_connection_file() -> None:
    with ScriptedEngine(default="pass", tcp="127.0.0.1:0") as running:
        async with window(running.settings) as engine:
            assert (await engine.wait_ready(DEADLINE_S)).state is EngineState.READY
            assert await text_of(engine) == "pass"


async def test_the_settings_choose_between_local_and_remote() -> None:
    assert isinstance(engine_for(Settings()), LocalEngine)
    assert isinstance(engine_for(Settings(engine=EngineSettings(url="http://localhost:1"))), RemoteEngine)


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
def test_events_are_read_however_the_stream_is_split(cut: int) -> None:
    stream = (
        'data: {"a":1}\r\n\r\n: comment\nid: 4\ndata:two\ndata: lines\n\ndata: \u2028\x85\n\ndata: cut off'.encode()
    )
    reader = EventReader()
    events = [event.data for at in range(0, len(stream), cut) for event in reader.feed(stream[at : at + cut])]
    assert events == [b'{"a":1}', b"two\nlines", "\u2028\x85".encode()]


def test_chunks_of_other_servers_are_understood() -> None:
    logprobs = {"token_logprobs": [None, -0.5, -0.25]}
    body = {"choices": [{"text": "a", "finish_reason": "eos_token", "logprobs": logprobs}]}
    assert chunks_from_json(body) == [Chunk(0, "a", FinishReason.STOP, -0.75, 2)]
    assert chunks_from_json({"choices": [{"text": None, "index": 1}]}) == [Chunk(1)]
    with pytest.raises(EngineUnavailableError, match="no memory"):
        chunks_from_json({"error": {"message": "no memory"}})


def test_the_clients_import_nothing_heavy() -> None:
    modules = (
        "client.connect",
        "client.local",
        "client.engine",
        "client.remote.engine",
        "client.remote.dialects.registry",
    )
    code = (
        f"import sys; import {', '.join(f'infill_completion.{name}' for name in modules)}; "
        "print({'torch', 'transformers', 'tokenizers', 'httpcore2', 'anyio', 'starlette', 'uvicorn'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_log_tail_is_the_last_error_since_the_engine_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert log_tail(log) == ""
    log.write_text("now 1 INFO starts\nModuleNotFoundError: No module named 'torch'\nnow 1 INFO more\n")
    assert log_tail(log) == "ModuleNotFoundError: No module named 'torch'"
    assert log_tail(log, log.stat().st_size) == ""
    log.write_text("now 2 ERROR fresh\n")
    assert log_tail(log, 10_000) == "now 2 ERROR fresh"  # the log was truncated in between


async def test_several_requests_that_lose_their_engine_start_one_new_engine() -> None:
    reported: list[Health] = []
    with ScriptedEngine() as first:
        first.says(*[Reply([threading.Event(), "never"])] * 3)
        async with window(first.settings, reported) as engine:
            await engine.wait_ready(DEADLINE_S)
            asking = [asyncio.create_task(text_of(engine)) for _ in range(3)]
            await asyncio.to_thread(first.wait_for_request)
            await asyncio.to_thread(first.stop)
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert all(isinstance(answer, EngineUnavailableError) for answer in answers)
            with ScriptedEngine(default="pass"):
                assert (await engine.wait_ready(DEADLINE_S)).state is EngineState.READY
                assert await text_of(engine) == "pass"


async def test_text_before_a_missed_deadline_is_kept_and_one_missed_deadline_is_no_failure() -> None:
    with ScriptedEngine() as running:
        running.says(Reply(["one", threading.Event(), "two"]))
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            chunks = [chunk async for chunk in engine.complete(CompletionRequest("a", deadline_ms=100))]
            assert "".join(chunk.text for chunk in chunks) == "one"
            assert chunks[-1].finish_reason is FinishReason.DEADLINE
            assert engine.last_health.state is EngineState.READY
            running.says("again")
            assert await text_of(engine) == "again"


async def test_a_slow_engine_that_reports_its_state_is_kept() -> None:
    with ScriptedEngine() as running:
        running.says(*[Reply([threading.Event()])] * 4)
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            for _ in range(4):
                await engine.wait_ready(DEADLINE_S)
                await text_of(engine, CompletionRequest("a", deadline_ms=20))
            assert (await engine.wait_ready(DEADLINE_S)).state is EngineState.READY
            running.says("at last")
            assert await text_of(engine) == "at last"
        assert running.loads == 1


async def test_many_requests_at_once_are_all_answered() -> None:
    with ScriptedEngine(default=lambda request: Reply([request.prefix])) as running:
        async with window(running.settings) as engine:
            await engine.wait_ready(DEADLINE_S)
            asked = [CompletionRequest(f"request {number}") for number in range(50)]
            answers = await asyncio.gather(*(text_of(engine, request) for request in asked))
    assert answers == [request.prefix for request in asked]
