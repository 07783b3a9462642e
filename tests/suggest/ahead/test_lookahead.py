"""What follows a suggestion is computed while the user reads it."""

from __future__ import annotations

import asyncio

from infill_completion.document.snapshot import SkipReason
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE, CODE, NEVER, shown, typed


async def test_what_follows_a_suggestion_is_computed_before_the_user_gets_there() -> None:
    def script(request: object) -> str:
        prefix = getattr(request, "prefix", "")
        return "\n    return c\n" if prefix.endswith("a + b") else "a + b"

    engine = ScriptedEngine(script)
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    await completer.complete(at(code))
    await until(lambda: engine.ended == 2 and is_idle(completer))
    completer.configure(NEVER)
    answer = await completer.complete(at(typed("a + b\n    ", code)))
    assert shown(answer) == "return c"
    assert answer.details["reuse"] == "computed ahead"


async def test_what_is_computed_ahead_passes_the_filters() -> None:
    engine = ScriptedEngine(lambda request: "\n    return c<EOT>\n" if request.prefix.endswith("a + b") else "a + b")
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    await completer.complete(at(code))
    await until(lambda: engine.ended == 2 and is_idle(completer))
    assert shown(await completer.complete(at(typed("a + b\n    ", code)))) == "return c"


async def test_a_request_ends_what_is_computed_ahead() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(CODE))
    engine.gate = asyncio.Event()
    engine.started.clear()
    await engine.started.wait()
    ahead = engine.requests[-1]
    assert ahead.prefix.endswith("a + b")
    request = asyncio.create_task(completer.complete(at(CODE, uri="file:///b")))
    await until(lambda: len(engine.requests) == 3)
    assert ahead in engine.closed
    engine.gate.set()
    assert shown(await request) == "a + b"
    await completer.aclose()


async def test_accepting_a_suggestion_computes_what_follows_if_that_had_been_ended() -> None:
    engine = ScriptedEngine(lambda request: "\n    return c\n" if request.prefix.endswith("a + b") else "a + b")
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    offered = await completer.complete(at(code))
    engine.gate = asyncio.Event()
    engine.started.clear()
    await engine.started.wait()
    request = asyncio.create_task(completer.complete(at("x = |\n", uri="file:///b")))  # which comes first
    await until(lambda: len(engine.requests) == 3)
    engine.gate.set()
    await request
    await until(lambda: is_idle(completer))
    engine.requests.clear()
    completer.accepted("file:///a", shown(offered))
    await until(lambda: bool(engine.requests) and is_idle(completer))
    assert [request.prefix for request in engine.requests] == ["def add(a, b):\n    c = a + b"]
    completer.configure(NEVER)
    answer = await completer.complete(at(typed("a + b\n    ", code)))
    assert shown(answer) == "return c"
    completer.accepted("file:///a", "something else")  # by a client that is mistaken
    await completer.aclose()


async def test_after_an_accepted_suggestion_there_is_no_debounce() -> None:
    engine = ScriptedEngine(lambda request: "a + b" if request.prefix.endswith("c = ") else "")
    completer = Completer(engine, AT_ONCE)
    code = "def add(a, b):\n    c = |\n"
    offered = await completer.complete(at(code))
    completer.configure(NEVER)
    completer.accepted("file:///a", shown(offered))
    async with asyncio.timeout(5):
        answer = await completer.complete(at(typed("a + b  ", code)))
    assert answer.reason is SkipReason.EMPTY
    await completer.aclose()


async def test_accepting_a_word_or_a_line_keeps_the_rest_without_a_new_request() -> None:
    body = "\n    first = a + b\n    second = a - b\n    return first * second"
    engine = ScriptedEngine(lambda request: body if request.prefix.endswith(":") else "")
    completer = Completer(engine, AT_ONCE)
    code = "def f(a, b):|\r\n"
    whole = body.replace("\n", "\r\n")
    assert shown(await completer.complete(at(code))) == whole
    await until(lambda: is_idle(completer))
    completer.configure(NEVER)
    asked_before = len(engine.requests)
    for taken in ("\r\n    first", "\r\n    first = ", "\r\n    first = a + b", "\r\n    first = a + b\r\n    second"):
        answer = await completer.complete(at(typed(taken, code)))
        assert shown(answer) == whole.removeprefix(taken)
    assert len(engine.requests) == asked_before
    await completer.aclose()


async def test_the_answer_does_not_wait_for_what_is_computed_ahead() -> None:
    engine = ScriptedEngine(says("a + b"))
    completer = Completer(engine, AT_ONCE)
    assert shown(await completer.complete(at(CODE))) == "a + b"
    assert len(engine.requests) == 1
    await until(lambda: len(engine.requests) == 2)
    await completer.aclose()


async def test_nothing_is_computed_ahead_after_the_end_of_what_it_was_for() -> None:
    for end in (lambda completer: completer.closed("file:///a"), lambda completer: completer.forget()):
        engine = ScriptedEngine(says("a + b"))
        completer = Completer(engine, AT_ONCE)
        await completer.complete(at(CODE))
        end(completer)
        assert is_idle(completer)
        await completer.complete(at("x = |\n", uri="file:///b"))
        assert len(engine.requests) == 2
        await completer.aclose()
        assert is_idle(completer)
