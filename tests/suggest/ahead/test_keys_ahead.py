"""Answers to keys not yet pressed: computed while the user thinks, the same as asking, and never in the way."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from functools import partial

import pytest

from infill_completion.api import CompletionRequest
from infill_completion.document.snapshot import SkipReason
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import LocalScriptedEngine, ScriptedEngine, at, is_idle, until
from tests.suggest.typist import CODE, shown, typed

ALWAYS = Settings(completion=CompletionSettings(debounce_ms=0, ahead="always"))
NO_MORE = Settings(completion=CompletionSettings(debounce_ms=3_600_000, ahead="never"))
LIKELY = {"s": 0.6, "x": 0.3, "q": 0.01}


def names(request: CompletionRequest) -> str:
    """Know the names, but nothing before their first letter."""
    word = request.prefix.rpartition(" ")[2]
    return next((name[len(word) :] for name in ("sum_of_all", "xor_of_all") if word and name.startswith(word)), "")


async def keys_ahead(engine: LocalScriptedEngine, code: str, settings: Settings = ALWAYS) -> list[str]:
    """Return what was typed, or accepted, at the cursors of the requests that nobody waited for."""
    completer = Completer(engine, settings)
    await completer.complete(at(code))
    await until(lambda: is_idle(completer))
    await completer.aclose()
    before = code.rpartition("|")[0]
    return [request.prefix.removeprefix(before) for request in engine.requests if request.ahead]


async def test_the_answers_to_the_likely_keys_are_there_before_the_keys() -> None:
    engine = LocalScriptedEngine(names, characters=lambda _: LIKELY)
    completer = Completer(engine, ALWAYS)
    assert (await completer.complete(at(CODE))).reason is SkipReason.EMPTY
    await until(lambda: is_idle(completer))
    assert [(request.prefix[-1], request.ahead) for request in engine.requests] == [
        (" ", False), ("s", True), ("x", True),
    ]  # fmt: skip
    completer.configure(NO_MORE)
    for key, rest in (("s", "um_of_all"), ("x", "or_of_all")):
        answer = await completer.complete(at(typed(key)))
        assert shown(answer) == rest
        assert answer.details["reuse"] == "asked here before"
    assert len(engine.requests) == 3
    await completer.aclose()


async def test_each_key_brings_the_answers_to_the_next_one() -> None:
    engine = LocalScriptedEngine(lambda _: "", characters=lambda request: {chr(ord(request.prefix[-1]) + 1): 0.9})
    completer = Completer(engine, ALWAYS)
    for word in ("a", "ab", "abc", "abcd"):
        await completer.complete(at(typed(word)))
        await until(lambda: is_idle(completer))
    assert [request.prefix.rpartition(" ")[2] for request in engine.requests] == ["a", "ab", "abc", "abcd", "abcde"]
    assert [request.ahead for request in engine.requests] == [False, True, True, True, True]
    await completer.aclose()


WIDE = {"s": 0.4, "u": 0.3, "x": 0.3, "o": 0.3, "": 0.2, "(": 0.2, "m": 0.2}
TEXT = "sum_of_all(xor_of_all)\n    x = sum_of_all\n"
SHOWN_IN = ["def f(a):\n    return |\n", "class A:\n    b = |\n\n\nprint(1)\n", "# |\nx = 1\n"]


@pytest.mark.parametrize("code", SHOWN_IN)
async def test_the_same_is_shown_with_and_without_answers_computed_ahead(code: str) -> None:
    seen: dict[str, list[object]] = {}
    asked: dict[str, int] = {}
    for ahead in ("always", "never"):
        engine = LocalScriptedEngine(names, characters=lambda _: WIDE)
        completer = Completer(engine, replace(ALWAYS, completion=replace(ALWAYS.completion, ahead=ahead)))
        seen[ahead] = []
        for end in [*range(len(TEXT)), 14, 13, 12, *range(12, len(TEXT))]:  # some of it is deleted and typed again
            answer = await completer.complete(at(typed(TEXT[:end], code)))
            await until(partial(is_idle, completer))
            seen[ahead].append((end, answer.suggestions, answer.reason))
        asked[ahead] = len([request for request in engine.requests if not request.ahead])
        await completer.aclose()
    assert seen["always"] == seen["never"]
    assert asked["always"] < asked["never"]


async def test_unlikely_keys_are_not_worth_it() -> None:
    engine = LocalScriptedEngine(characters=lambda _: {"s": 0.4, "t": 0.06, "a": 0.04, "b": 0.03})
    assert await keys_ahead(engine, CODE) == ["s", "t"]


async def test_few_keys_are_tried() -> None:
    engine = LocalScriptedEngine(characters=lambda _: dict.fromkeys("abcdefgh", 0.12))
    assert await keys_ahead(engine, CODE) == ["a", "b", "c", "d"]


async def test_whoever_types_into_a_suggestion_may_leave_it() -> None:
    engine = LocalScriptedEngine(
        lambda request: "sum_total" if request.prefix.endswith(" ") else "",
        alternatives={"sum_": {"sub": 0.5, "such": 0.2}, "tota": {"": 0.3, "q": 0.001}},
        logprob=math.log(0.95),
    )
    completer = Completer(engine, ALWAYS)
    for word in ("", "s", "su", "sum", "sum_"):
        assert shown(await completer.complete(at(typed(word)))) == "sum_total"[len(word) :]
        await until(lambda: is_idle(completer))
    ahead = [request.prefix.rpartition(" ")[2] for request in engine.requests if request.ahead]
    assert ahead[0] == "sum_total"  # after it is accepted
    assert sorted(ahead[1:3]) == ["sub", "suc"]
    assert [request.ahead for request in engine.requests].count(False) == 1
    completer.configure(NO_MORE)
    assert (await completer.complete(at(typed("sub")))).details["reuse"] == "asked here before"
    await completer.aclose()


async def test_a_remote_engine_names_no_alternatives() -> None:
    engine = ScriptedEngine(lambda _: "sum_total", alternatives={"sum_": {"sub": 0.5}}, logprob=math.log(0.95))
    completer = Completer(engine, ALWAYS)
    for word in ("", "s"):
        await completer.complete(at(typed(word)))
        await until(lambda: is_idle(completer))
    assert not any(request.prefix.endswith("sub") for request in engine.requests)
    await completer.aclose()


async def test_a_suggestion_that_is_shown_is_not_asked_for_again() -> None:
    engine = LocalScriptedEngine(
        lambda request: "sum" if request.prefix.endswith(" ") else "", characters=lambda _: LIKELY
    )
    assert await keys_ahead(engine, CODE) == ["sum", "x"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a):\n    return a|\n", ["\n    "]),
        ("def f(a):\r\n\tif a:\r\n\t\treturn a|\r\n", ["\n\t\t"]),
        ("x = 1|", ["\n"]),
        ("def f(a):|\n", []),  # nobody knows how deep the editor indents
        ("def f(a):\n    |\n", []),
        ("print(a|)\n", []),
    ],
)
async def test_where_the_model_ends_the_line_the_next_key_is_enter(code: str, expected: list[str]) -> None:
    engine = LocalScriptedEngine(characters=lambda _: {"": 0.5, "\n": 0.3})
    lf = code.replace("\r\n", "\n")
    completer = Completer(engine, ALWAYS)
    await completer.complete(at(code))
    await until(lambda: is_idle(completer))
    await completer.aclose()
    before = lf.rpartition("|")[0]
    assert [request.prefix.removeprefix(before) for request in engine.requests if request.ahead] == expected


async def test_nothing_is_asked_ahead_where_nothing_would_be_asked() -> None:
    engine = LocalScriptedEngine(characters=lambda _: {"s": 0.5, "(": 0.4})
    assert await keys_ahead(engine, "x = |name\n") == ["("]  # in the middle of a word


async def test_a_request_ends_what_is_computed_ahead_in_any_document() -> None:
    engine = LocalScriptedEngine(names, characters=lambda _: LIKELY)
    completer = Completer(engine, ALWAYS)
    await completer.complete(at(CODE))
    engine.gate = asyncio.Event()
    engine.started.clear()
    await engine.started.wait()
    ahead = engine.requests[-1]
    assert ahead.ahead
    request = asyncio.create_task(completer.complete(at("y = s|\n", uri="file:///b")))
    await until(lambda: any(not asked.ahead for asked in engine.requests[2:]))
    assert ahead in engine.closed
    engine.gate.set()
    assert shown(await request) == "um_of_all"
    await completer.aclose()


async def test_a_key_joins_its_answer_while_that_is_computed() -> None:
    engine = LocalScriptedEngine(names, characters=lambda _: LIKELY)
    completer = Completer(engine, ALWAYS)
    await completer.complete(at(CODE))
    engine.gate = asyncio.Event()
    engine.started.clear()
    await engine.started.wait()
    completer.configure(NO_MORE)
    request = asyncio.create_task(completer.complete(at(typed("s"))))
    await until(lambda: completer._inflight.is_awaited)
    engine.gate.set()
    assert shown(await request) == "um_of_all"
    assert len(engine.requests) == 2
    await completer.aclose()


async def test_remote_engines_are_not_asked_ahead() -> None:
    engine = ScriptedEngine(characters=lambda _: LIKELY)
    completer = Completer(engine, ALWAYS)
    await completer.complete(at(CODE))
    await until(lambda: is_idle(completer))
    assert [(request.ahead, request.next_characters) for request in engine.requests] == [(False, 0)]
    await completer.aclose()


async def test_answers_that_must_not_depend_on_speed_are_not_computed_ahead() -> None:
    engine = LocalScriptedEngine(characters=lambda _: LIKELY)
    completer = Completer(engine, ALWAYS, is_steady=True)
    await completer.complete(at(CODE))
    await until(lambda: is_idle(completer))
    assert len(engine.requests) == 1
    await completer.aclose()


async def test_never_means_neither_keys_nor_what_follows_a_suggestion() -> None:
    never = Settings(completion=CompletionSettings(debounce_ms=0, ahead="never"))
    engine = LocalScriptedEngine(lambda _: "sum", characters=lambda _: LIKELY)
    assert await keys_ahead(engine, CODE, never) == []


async def test_an_invoked_answer_brings_no_answers_to_keys() -> None:
    engine = LocalScriptedEngine(lambda _: "", characters=lambda _: LIKELY)
    completer = Completer(engine, ALWAYS)
    await completer.complete(at(CODE, invoked=True))
    await until(lambda: is_idle(completer))
    assert len(engine.requests) == 1
    await completer.aclose()
