"""A user types fast, deletes, jumps, changes files and cancels requests: every request is answered."""

from __future__ import annotations

import asyncio
import random

import pytest

from infill_completion.api import CompletionRequest, EngineUnavailableError
from infill_completion.document.snapshot import Answer, Snapshot, Trigger
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, is_idle

CODE = (
    "def total_of(items):\n    total = 0\n    for item in items:\n        total += item.price\n    return total\n\n\n"
)


def continued(request: CompletionRequest) -> str | EngineUnavailableError:
    """Return what follows in the code, sometimes something else, and sometimes a failure."""
    typed = request.prefix[-12:]
    luck = random.Random(request.prefix)
    if luck.random() < 0.05:
        return EngineUnavailableError("The engine is away; run `infill-ls doctor`.")
    place = CODE.find(typed)
    return CODE[place + len(typed) :][: luck.randrange(4, 60)] if place >= 0 else "anything(else)\n"


@pytest.mark.parametrize("seed", range(6))
async def test_every_request_is_answered_and_no_task_is_left(seed: int) -> None:
    rng = random.Random(seed)
    engine = ScriptedEngine(continued, piece=3)
    completer = Completer(engine, Settings(completion=CompletionSettings(debounce_ms=rng.choice([0, 1]))))
    texts = {"file:///a": "", "file:///b": CODE * 3}
    waiting: list[asyncio.Task[Answer]] = []
    cancelled = 0
    for version in range(250):
        uri = "file:///a" if rng.random() < 0.9 else "file:///b"
        text = texts[uri]
        action = rng.random()
        if action < 0.75:
            texts[uri] = text + CODE[len(text) % len(CODE)]
        elif action < 0.9:
            texts[uri] = text[:-1]
        elif action < 0.93:
            completer.closed(uri)
        elif waiting:
            waiting[-1].cancel()
        trigger = Trigger.INVOKED if rng.random() < 0.05 else Trigger.AUTOMATIC
        snapshot = Snapshot(uri, version, "python", texts[uri] + "\n", len(texts[uri]), trigger)
        waiting.append(asyncio.create_task(completer.complete(snapshot)))
        for _ in range(rng.randrange(6)):
            await asyncio.sleep(0)
    async with asyncio.timeout(20):
        results = await asyncio.gather(*waiting, return_exceptions=True)
    for result in results:
        if isinstance(result, asyncio.CancelledError):
            cancelled += 1
            continue
        assert isinstance(result, Answer)
        assert bool(result.suggestions) != (result.reason is not None)
    assert cancelled < len(results) / 3
    await completer.aclose()
    assert engine.ended == len([request for request in engine.requests if not _fails(request)])
    assert is_idle(completer)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _fails(request: CompletionRequest) -> bool:
    return isinstance(continued(request), EngineUnavailableError)
