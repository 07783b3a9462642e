"""Requests that share one stream of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.document.snapshot import Answer, SkipReason
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import LocalScriptedEngine, ScriptedEngine, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE, CODE, count_requests, shown, typed


async def test_a_request_joins_a_running_one_that_agrees_with_what_was_typed() -> None:
    engine = ScriptedEngine(says("alpha + beta"), gate=asyncio.Event(), free_chunks=1)
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    newer = asyncio.create_task(completer.complete(at(typed("al"), invoked=False)))
    assert (await older).reason is SkipReason.SUPERSEDED
    assert engine.gate is not None
    engine.gate.set()
    assert shown(await newer) == "pha + beta"
    assert len([request for request in engine.requests if request.prefix.endswith("return ")]) == 1
    assert not any(request.prefix.endswith("return al") for request in engine.requests)


async def test_a_running_request_that_diverges_from_what_was_typed_is_replaced() -> None:
    engine = ScriptedEngine(lambda request: "alpha")
    engine.gate, engine.free_chunks = asyncio.Event(), 1
    engine.piece = 1
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    newer = asyncio.create_task(completer.complete(at(typed("ax"))))
    assert (await older).reason is SkipReason.SUPERSEDED
    engine.gate.set()
    assert shown(await newer) == "alpha"
    assert engine.requests[0] in engine.closed
    assert any(request.prefix.endswith("return ax") for request in engine.requests)


async def test_the_next_request_joins_one_that_the_editor_has_cancelled() -> None:
    engine = ScriptedEngine(says("alpha + beta"), gate=asyncio.Event(), free_chunks=1)
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    older.cancel()
    with pytest.raises(asyncio.CancelledError):
        await older
    newer = asyncio.create_task(completer.complete(at(typed("a"))))
    await asyncio.sleep(0)
    assert engine.gate is not None
    engine.gate.set()
    assert shown(await newer) == "lpha + beta"
    assert not any(request.prefix.endswith("return a") for request in engine.requests)


async def test_two_requests_for_one_place_share_one_stream() -> None:
    engine = ScriptedEngine(says("a + b"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    popup = asyncio.create_task(completer.complete(at(CODE)))
    ghost = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    assert engine.gate is not None
    engine.gate.set()
    assert shown(await popup) == shown(await ghost) == "a + b"
    assert count_requests(engine) == 1


async def test_an_invoked_popup_and_ghost_text_at_one_place_are_both_answered() -> None:
    engine = ScriptedEngine(says(["sum(a)", "len(a)"]), logprob=-0.1, gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    popup = asyncio.create_task(completer.complete(at("x = |\n", invoked=True)))
    await engine.started.wait()
    ghost = asyncio.create_task(completer.complete(at("x = |\n")))
    assert engine.gate is not None
    engine.gate.set()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(popup, ghost)
    assert [[item.text for item in answer.suggestions] for answer in answers] == [["sum(a)", "len(a)"], ["sum(a)"]]
    await completer.aclose()


async def test_a_closed_document_is_forgotten_and_its_request_is_answered() -> None:
    engine = ScriptedEngine(says("a + b"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    waiting = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    completer.closed("file:///a")
    assert (await waiting).reason is SkipReason.SUPERSEDED
    await completer.aclose()
    assert engine.closed == engine.requests


async def test_a_request_joins_one_whose_stream_has_just_ended() -> None:
    engine = ScriptedEngine(says("alpha"))
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    (running,) = completer._inflight._requests.values()
    await until(running.stream.task.done)
    assert not running.finished.is_set()
    assert completer._inflight.joinable(running.prepared.view) is running
    assert shown(await older) == "alpha"
    await completer.aclose()


@dataclass
class LineEngine(LocalScriptedEngine):
    """One that ends with the first line, and counts the streams that are read to their end."""

    read: int = 0

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        yield Chunk(text="alpha")
        yield Chunk(text="\n", finish_reason=FinishReason.STOP)
        self.read += 1


async def test_a_stream_that_ends_with_its_line_is_read_to_the_end() -> None:
    engine = LineEngine()
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    assert engine.requests[0].ends_with_line
    assert engine.read == 1
    await completer.aclose()


async def test_only_a_local_engine_is_told_to_end_with_the_line() -> None:
    engine = ScriptedEngine(says("alpha"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    assert not engine.requests[0].ends_with_line
    await completer.aclose()


def unsure(logprob: float = -3.0) -> LocalScriptedEngine:
    """Return an engine whose answer does not go on for now."""
    return LocalScriptedEngine(
        says("wrong_name(with_arguments)"), gate=asyncio.Event(), free_chunks=2, logprob=logprob,
        characters=lambda request: {"s": 0.9} if request.prefix.endswith("return ") else {},
    )  # fmt: skip


def opened(engine: ScriptedEngine) -> None:
    assert engine.gate is not None
    engine.gate.set()


async def test_nobody_waits_for_an_answer_that_will_not_be_shown() -> None:
    engine = unsure()
    completer = Completer(engine, replace(AT_ONCE, completion=replace(AT_ONCE.completion, ahead="always")))
    answer = await completer.complete(at(CODE))
    assert answer.reason is SkipReason.LOW_CONFIDENCE
    assert [request.ahead for request in engine.requests] == [False]
    opened(engine)
    await until(lambda: is_idle(completer))
    assert not engine.closed
    assert [request.prefix[-1] for request in engine.requests] == [" ", "s"]  # what may follow is computed after it
    again = await completer.complete(at(CODE))
    assert again.reason is SkipReason.LOW_CONFIDENCE
    assert again.details["reuse"] == "asked here before"
    assert len(engine.requests) == 2
    await completer.aclose()


@pytest.mark.parametrize(
    ("engine", "invoked", "multiline"),
    [(unsure(-0.01), False, "auto"), (unsure(), True, "auto"), (unsure(), True, "always"), (unsure(), True, "never")],
)
async def test_what_may_be_shown_is_waited_for(engine: LocalScriptedEngine, invoked: bool, multiline: str) -> None:
    completer = Completer(engine, replace(AT_ONCE, completion=replace(AT_ONCE.completion, multiline=multiline)))
    asked = asyncio.create_task(completer.complete(at(CODE, invoked=invoked)))
    await until(lambda: bool(completer._inflight._requests))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not asked.done()
    opened(engine)
    assert shown(await asked) == "wrong_name(with_arguments)"
    await completer.aclose()


async def test_the_next_answer_says_how_long_it_took() -> None:
    engine = unsure()
    completer = Completer(engine, AT_ONCE)
    first = await completer.complete(at(CODE))
    assert not engine_times(first)
    opened(engine)
    await until(lambda: is_idle(completer))
    engine.gate, engine.free_chunks = asyncio.Event(), 0
    engine.started.clear()
    cancelled = asyncio.create_task(completer.complete(at(typed("w"))))
    await engine.started.wait()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    engine.gate.set()
    assert not engine_times(await completer.complete(at(CODE, invoked=True)))
    assert len(engine_times(await completer.complete(at(CODE)))) == 1
    assert not engine_times(await completer.complete(at(CODE)))
    await completer.aclose()


def engine_times(answer: Answer) -> list[float]:
    steps = answer.details["steps"]
    assert isinstance(steps, list)
    return [about["latency_ms"] for name, _, about in steps if name == "engine meanwhile"]


async def test_the_next_key_does_not_wait_for_it_either() -> None:
    engine = unsure()
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    assert (await completer.complete(at(typed("w")))).reason is SkipReason.LOW_CONFIDENCE
    assert [request.prefix[-1] for request in engine.requests] == [" ", "w"]
    await until(lambda: engine.requests[:1] == engine.closed)
    await completer.aclose()


async def test_a_key_that_waited_for_it_is_asked_for_itself() -> None:
    engine = unsure()
    engine.free_chunks = 0
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at(CODE)))
    await engine.started.wait()
    newer = asyncio.create_task(completer.complete(at(typed("w"))))
    assert (await older).reason is SkipReason.SUPERSEDED
    opened(engine)
    assert (await newer).reason is SkipReason.LOW_CONFIDENCE
    assert [request.prefix[-1] for request in engine.requests] == [" ", "w"]
    await completer.aclose()
