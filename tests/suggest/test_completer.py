import asyncio
from dataclasses import replace

import pytest

from infill_completion.api import EngineState, EngineUnavailableError, FinishReason
from infill_completion.document.snapshot import SkipReason
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, accept, at, says
from tests.suggest.typist import AT_ONCE


async def test_the_rest_of_a_line_is_suggested() -> None:
    engine = ScriptedEngine(says("a + b\n\nprint(add(1, 2))\n"))
    snapshot = at("def add(a, b):\n    return |\n")
    answer = await Completer(engine, AT_ONCE).complete(snapshot)
    assert accept(snapshot, answer) == "def add(a, b):\n    return a + b\n"
    assert engine.requests[0].stop == ("\n",)
    assert engine.requests[0].prefix == "def add(a, b):\n    return "
    assert engine.requests[0].suffix == "\n"


async def test_an_opened_block_gets_its_body_and_the_engine_is_stopped_after_it() -> None:
    engine = ScriptedEngine(says("\n    total = a + b\n    return total\n\n\nprint(add(1, 2))\n" + "x = 1\n" * 100))
    snapshot = at("def add(a, b):|\n")
    answer = await Completer(engine, AT_ONCE).complete(snapshot)
    assert accept(snapshot, answer) == "def add(a, b):\n    total = a + b\n    return total\n"
    assert engine.closed == engine.requests


async def test_a_document_keeps_its_crlf_and_the_model_never_sees_it() -> None:
    engine = ScriptedEngine(says("\n    a()\n    b()\n"))
    snapshot = at("import os\r\nif x:|\r\ny = 1\r\n")
    answer = await Completer(engine, AT_ONCE).complete(snapshot)
    assert accept(snapshot, answer) == "import os\r\nif x:\r\n    a()\r\n    b()\r\ny = 1\r\n"
    assert "\r" not in engine.requests[0].prefix + str(engine.requests[0].suffix)


async def test_a_loading_engine_is_a_reason_with_a_next_step() -> None:
    error = EngineUnavailableError("The model is loading (40 %); wait a moment.", EngineState.LOADING)
    answer = await Completer(ScriptedEngine(lambda _: error), AT_ONCE).complete(at("x = |"))
    assert answer.reason is SkipReason.ENGINE_LOADING
    assert not answer.is_final
    assert answer.details["message"] == "The model is loading (40 %); wait a moment."


async def test_an_exception_in_the_engine_is_a_reason_too() -> None:
    def breaks(_: object) -> str:
        raise KeyError("boom")

    answer = await Completer(ScriptedEngine(breaks), AT_ONCE).complete(at("x = |"))
    assert answer.reason is SkipReason.ENGINE_FAILED


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        (CompletionSettings(enabled=False), "x = |", SkipReason.SWITCHED_OFF),
        (CompletionSettings(languages={"python": False}), "x = |", SkipReason.LANGUAGE_OFF),
        (CompletionSettings(), "\0ELF|", SkipReason.BINARY_FILE),
        (CompletionSettings(), "hel|lo", SkipReason.MID_LINE),
    ],
)
async def test_an_empty_answer_has_a_reason_and_does_not_ask_the_engine(
    settings: CompletionSettings, text: str, reason: SkipReason
) -> None:
    engine = ScriptedEngine(says("x"))
    answer = await Completer(engine, Settings(completion=replace(settings, debounce_ms=0))).complete(at(text))
    assert answer.reason is reason
    assert engine.requests == []


async def test_a_newer_request_supersedes_the_older_one_and_stops_its_stream() -> None:
    engine = ScriptedEngine(says("abc(one, two)"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    older = asyncio.create_task(completer.complete(at("x = |")))
    await engine.started.wait()
    newer = asyncio.create_task(completer.complete(at("import os\ny = |", version=2)))
    assert (await older).reason is SkipReason.SUPERSEDED
    assert engine.gate is not None
    engine.gate.set()
    assert (await newer).suggestions
    assert engine.closed == engine.requests[:1]


async def test_cancelling_the_caller_closes_the_stream() -> None:
    engine = ScriptedEngine(says("abc def"), gate=asyncio.Event())
    waiting = asyncio.create_task(Completer(engine, AT_ONCE).complete(at("x = |")))
    await engine.started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        await engine.stopped.wait()
    assert engine.closed == engine.requests


async def test_the_selection_of_the_popup_is_extended() -> None:
    engine = ScriptedEngine(says("(path)"))
    snapshot = replace(at("x = os.pa|"), selected=(7, 9, "path_exists"))
    answer = await Completer(engine, AT_ONCE).complete(snapshot)
    assert engine.requests[0].prefix == "x = os.path_exists"
    assert accept(snapshot, answer) == "x = os.path_exists(path)"


async def test_a_cut_off_answer_ends_at_a_whole_line() -> None:
    engine = ScriptedEngine(says("\n    first()\n    second(some_half_wri"), reason=FinishReason.DEADLINE)
    snapshot = at("if x:|")
    answer = await Completer(engine, AT_ONCE).complete(snapshot)
    assert accept(snapshot, answer) == "if x:\n    first()"


async def test_a_model_that_loops_is_stopped() -> None:
    engine = ScriptedEngine(says("[" + "'', " * 200))
    answer = await Completer(engine, AT_ONCE).complete(at("x = |\n"))
    assert answer.reason is SkipReason.FILTERED
    assert engine.closed == engine.requests


async def test_an_exception_in_the_ranking_still_answers_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("text of the user")

    completer = Completer(ScriptedEngine(says("1")), AT_ONCE)
    monkeypatch.setattr("infill_completion.suggest.history.rank", broken)
    answer = await completer.complete(at("x = |\n"))
    assert answer.reason is SkipReason.ENGINE_FAILED
    assert "ZeroDivisionError" in str(answer.details["message"])
    assert "text of the user" not in str(answer.details["message"])
    await completer.aclose()
