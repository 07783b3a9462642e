"""Requests that the editor is going to make are begun before they come, and cost the engine nothing more."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from infill_completion.document.snapshot import SkipReason, Snapshot
from infill_completion.settings import CompletionSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from infill_server.records.source import answered_by
from tests.suggest.scripted import ScriptedEngine, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE, CODE, NEVER, count_requests, shown, typed


def typed_at(snapshot: Snapshot, seconds_ago: float) -> Snapshot:
    """Return ``snapshot`` with a key that was pressed so long ago."""
    return replace(snapshot, typed_s=time.monotonic() - seconds_ago)


async def anticipated(settings: Settings, marked: str, *, is_steady: bool = False) -> int:
    """Return how many requests the engine gets if the editor is going to ask at a place."""
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, settings, is_steady=is_steady)
    await completer.anticipate(at(marked))
    await until(lambda: is_idle(completer))
    await completer.aclose()
    return len(engine.requests)


async def test_the_request_of_the_editor_joins_the_anticipated_one() -> None:
    engine = ScriptedEngine(says("a + b"), gate=asyncio.Event(), free_chunks=1)
    completer = Completer(engine, AT_ONCE)
    await completer.anticipate(at(CODE))
    await engine.started.wait()
    request = asyncio.create_task(completer.complete(at(CODE)))
    await asyncio.sleep(0)
    assert engine.gate is not None
    engine.gate.set()
    answer = await request
    assert shown(answer) == "a + b"
    assert answered_by(answer) == "engine"
    assert count_requests(engine) == 1
    await completer.aclose()


async def test_the_request_of_the_editor_finds_the_answer_and_only_later_ones_remember_it() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.anticipate(at(CODE))
    await until(lambda: engine.ended == 1 and is_idle(completer))
    first, second = await completer.complete(at(CODE)), await completer.complete(at(CODE))
    assert shown(first) == shown(second) == "a + b"
    assert (answered_by(first), answered_by(second)) == ("engine", "memory")
    assert count_requests(engine) == 1
    await completer.aclose()


async def test_what_is_known_is_not_asked_again() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    await until(lambda: is_idle(completer))
    engine.requests.clear()
    await completer.anticipate(at(typed("a +")))
    await until(lambda: is_idle(completer))
    assert not engine.requests
    await completer.aclose()


async def test_a_newer_key_supersedes_an_anticipated_one_that_waits() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, NEVER)
    waiting = asyncio.create_task(completer.anticipate(at(CODE)))
    await asyncio.sleep(0)
    completer.configure(AT_ONCE)
    await completer.complete(at(typed("b")))
    async with asyncio.timeout(5):
        await waiting
    assert not any(request.prefix.endswith("return ") for request in engine.requests)
    await completer.aclose()


async def test_a_key_ends_an_anticipated_request_that_it_contradicts() -> None:
    engine = ScriptedEngine(says("alpha"), gate=asyncio.Event(), free_chunks=1)
    completer = Completer(engine, AT_ONCE)
    await completer.anticipate(at(CODE))
    await engine.started.wait()
    await completer.anticipate(at(typed("x")))
    await until(lambda: len(engine.requests) == 2)
    assert engine.requests[0] in engine.closed
    await completer.aclose()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(completion=CompletionSettings(debounce_ms=0, enabled=False)),
        Settings(completion=CompletionSettings(debounce_ms=0, languages={"python": False})),
        Settings(completion=CompletionSettings(debounce_ms=0), privacy=PrivacySettings(ignore=("a",))),
    ],
)
async def test_nothing_is_anticipated_where_nothing_would_be_asked(settings: Settings) -> None:
    assert await anticipated(settings, CODE) == 0


async def test_within_a_word_and_by_a_steady_completer_nothing_is_anticipated() -> None:
    assert await anticipated(AT_ONCE, CODE) == 1
    assert await anticipated(AT_ONCE, "na|me = 1\n") == 0
    assert await anticipated(AT_ONCE, CODE, is_steady=True) == 0


async def test_the_pause_begins_with_the_key() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, NEVER)
    async with asyncio.timeout(5):
        assert shown(await completer.complete(typed_at(at(CODE), 3_600))) == "a + b"
    await completer.aclose()


async def test_a_key_that_was_pressed_just_now_is_followed_by_a_pause() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, NEVER)
    waiting = asyncio.create_task(completer.complete(typed_at(at(CODE), 0)))
    await asyncio.sleep(0)
    completer.closed("file:///a")
    assert (await waiting).reason is SkipReason.SUPERSEDED
    assert not engine.requests
    await completer.aclose()
