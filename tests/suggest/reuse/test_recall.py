"""Asking again changes nothing, and what the user has just deleted is not offered again."""

from __future__ import annotations

import asyncio

import pytest

from infill_completion.api import CompletionRequest
from infill_completion.document.snapshot import Answer, SkipReason
from infill_completion.settings import CompletionSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import Script, ScriptedEngine, accept, at, is_idle, says, until
from tests.suggest.typist import AT_ONCE, NEVER, shown

TARGET = "total = price\nshipping = cost(total)\nprint(total + shipping)\n"


def steady(request: CompletionRequest) -> str:
    """Continue `TARGET`; a text that has left it gets something else."""
    start = request.prefix.rfind("total = ")
    written = request.prefix[max(start, 0) :]
    return TARGET[len(written) :] if TARGET.startswith(written) else "other(1)\n"


async def settle(completer: Completer) -> None:
    """Wait until what follows has been computed ahead."""
    await asyncio.sleep(0)
    await until(lambda: is_idle(completer))


@pytest.mark.parametrize("invoked", [False, True])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("language", "text", "script"),
    [
        ("python", "total = |\n", steady),
        ("python", "total = pri|\n", steady),
        ("python", "def price():\n    total = |\n", steady),
        ("javascript", "let total = |\n", says("price")),
        ("go", "\ttotal := |\n", says("price")),
        ("python", "x = |\n", says("price")),
        ("markdown", "The |\n", says("price")),
        ("python", "f(|)\n", says("price")),
        ("python", "if |:\n    pass\n", says("price")),
    ],
)
async def test_asking_twice_gives_one_answer(
    language: str, text: str, script: Script, ending: str, invoked: bool
) -> None:
    completer = Completer(ScriptedEngine(script, logprob=-0.01), AT_ONCE)
    snapshot = at(text.replace("\n", ending), language, invoked=invoked)
    answers = []
    for _ in range(3):
        answers.append((await completer.complete(snapshot)).suggestions)
        await settle(completer)
    assert answers[0]
    assert answers == [answers[0]] * 3
    await completer.aclose()


async def test_what_was_computed_ahead_is_shown_where_it_was_computed() -> None:
    completer = Completer(ScriptedEngine(steady), AT_ONCE)
    assert shown(await completer.complete(at("total = |\n"))) == "price"
    await settle(completer)
    completer.configure(NEVER)
    assert shown(await completer.complete(at("total = price\n|\n"))) == "shipping = cost(total)"
    assert shown(await completer.complete(at("total = |\n"))) == "price"
    assert shown(await completer.complete(at("total = pr|\n"))) == "ice"
    await completer.aclose()


async def test_an_invoked_suggestion_that_is_typed_stays_when_it_is_asked_for_again() -> None:
    completer = Completer(ScriptedEngine(says(["junk()", "noise()"]), logprob=-3.0), AT_ONCE)
    await completer.complete(at("x = |\n", invoked=True))
    for _ in range(3):
        assert shown(await completer.complete(at("x = no|\n"))) == "ise()"
    for _ in range(3):
        assert shown(await completer.complete(at("x = n|\n"))) == "oise()"
    await completer.aclose()


@pytest.mark.parametrize("is_reported", [True, False])
@pytest.mark.parametrize("kept", ["", "pri"])
async def test_an_accepted_suggestion_that_is_deleted_is_not_offered_again(is_reported: bool, kept: str) -> None:
    completer = Completer(ScriptedEngine(steady), AT_ONCE)
    assert shown(await completer.complete(at("total = |\n"))) == "price"
    if is_reported:
        completer.accepted("file:///a", "price")
    await completer.complete(at("total = price|\n"))
    for _ in range(2):
        answer = await completer.complete(at(f"total = {kept}|\n"))
        assert (answer.suggestions, answer.reason) == ((), SkipReason.JUST_DELETED)
    # Asked for, typed again, or elsewhere it may come.
    assert shown(await completer.complete(at(f"total = {kept}|\n", invoked=True))) == "price"[len(kept) :]
    typed = kept + "price"[len(kept)]
    assert shown(await completer.complete(at(f"total = {typed}|\n"))) == "price"[len(typed) :]
    await completer.aclose()


async def test_an_accepted_suggestion_that_is_deleted_key_by_key_is_not_offered_on_the_way() -> None:
    completer = Completer(ScriptedEngine(steady), AT_ONCE)
    await completer.complete(at("total = |\n"))
    completer.accepted("file:///a", "price")
    for left in ["price", "pric", "pri", "pr", "p", ""]:
        answer = await completer.complete(at(f"total = {left}|\n"))
        assert left == "price" or (answer.suggestions, answer.reason) == ((), SkipReason.JUST_DELETED)
    assert (await completer.complete(at("total =|\n"))).reason is SkipReason.JUST_DELETED
    await completer.aclose()


async def test_an_accepted_suggestion_that_replaced_a_bracket_is_not_offered_again_after_undo() -> None:
    completer = Completer(ScriptedEngine(says("path).read()[0]")), AT_ONCE)
    snapshot = at("open(|)\n")
    answer = await completer.complete(snapshot)
    assert accept(snapshot, answer) == "open(path).read()[0]\n"
    completer.accepted("file:///a", shown(answer))
    await completer.complete(at("open(path).read()[0]|\n"))
    for _ in range(2):
        assert (await completer.complete(snapshot)).reason is SkipReason.JUST_DELETED
    await completer.aclose()


@pytest.mark.parametrize(
    ("before", "after", "raw"),
    [
        ("x = compute|\n", "x = |\n", "compute(1)"),
        ("x = |compute(1)\n", "x = |\n", "compute(1)"),
        ("x = compute(1)|\n", "x = |\n", "compute"),
        ("y = 1\nx = compute(1)\nz = 3|\n", "y = 1\n|\nz = 3\n", "x = compute(1)"),
    ],
)
async def test_a_deleted_word_is_not_offered_again(before: str, after: str, raw: str) -> None:
    engine = ScriptedEngine(says("nothing()"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(before))
    engine.script = says(raw)
    for _ in range(2):
        assert (await completer.complete(at(after))).reason is SkipReason.JUST_DELETED
    assert shown(await completer.complete(at(after, invoked=True))) == raw
    await completer.aclose()


@pytest.mark.parametrize(
    ("before", "after", "raw"),
    [
        ("x = compuet|\n", "x = compu|\n", "te(1)"),  # a typing error, corrected
        ("x = compute|\n", "x = comput|\n", "e(1)"),
        ("x = compute|\n", "x = |\n", "other(1)"),
        ("x = (|\n", "x = |\n", "(1, 2)"),  # a bracket says nothing
        ("x = compute(1)|\n", "x = compute|\n", "(1)"),  # and so does one digit
    ],
)
async def test_after_a_correction_suggestions_come_as_ever(before: str, after: str, raw: str) -> None:
    engine = ScriptedEngine(says("nothing()"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(before))
    engine.script = says(raw)
    assert shown(await completer.complete(at(after))) == raw
    await completer.aclose()


async def test_going_back_in_a_suggestion_that_is_typed_brings_it_back() -> None:
    completer = Completer(ScriptedEngine(steady), AT_ONCE)
    for typed in ["", "p", "pr", "pri", "pric", "pri", "pr", ""]:
        assert shown(await completer.complete(at(f"total = {typed}|\n"))) == "price"[len(typed) :]
    await completer.aclose()


async def test_an_answer_to_former_settings_is_not_remembered() -> None:
    engine = ScriptedEngine(lambda request: f"old{request.max_tokens}()")
    engine.gate = asyncio.Event()
    completer = Completer(engine, AT_ONCE)
    asked = asyncio.create_task(completer.complete(at("x = |\n")))
    await engine.started.wait()
    completer.configure(Settings(completion=CompletionSettings(debounce_ms=0, max_tokens=64)))
    engine.gate.set()
    assert shown(await asked) == "old64()"
    assert shown(await completer.complete(at("x = |\n"))) == "old64()"
    await completer.aclose()


async def test_an_answer_of_a_former_model_is_not_remembered() -> None:
    models = iter(["small", "large"])
    engine = ScriptedEngine(lambda _: next(models, "large") + "()")
    engine.gate = asyncio.Event()
    completer = Completer(engine, AT_ONCE)
    asked = asyncio.create_task(completer.complete(at("x = |\n")))
    await engine.started.wait()
    completer.forget()
    engine.gate.set()
    assert shown(await asked) == "large()"
    await completer.aclose()


async def test_a_file_that_becomes_private_while_its_answer_is_on_the_way_gets_none() -> None:
    engine = ScriptedEngine(says("a + b"))
    engine.gate = asyncio.Event()
    completer = Completer(engine, AT_ONCE)
    asked = asyncio.create_task(completer.complete(at("x = |\n", uri="file:///secret/a.py")))
    await engine.started.wait()
    completer.configure(
        Settings(completion=CompletionSettings(debounce_ms=0), privacy=PrivacySettings(ignore=("secret/",)))
    )
    assert (await asked).reason is SkipReason.PRIVATE_FILE
    assert len(engine.requests) == 1
    await completer.aclose()


async def test_settings_that_change_nothing_of_an_answer_leave_its_request_alone() -> None:
    engine = ScriptedEngine(says("a + b"))
    engine.gate = asyncio.Event()
    completer = Completer(engine, AT_ONCE)
    asked: asyncio.Task[Answer] = asyncio.create_task(completer.complete(at("x = |\n")))
    await engine.started.wait()
    completer.configure(NEVER)
    engine.gate.set()
    assert shown(await asked) == "a + b"
    assert engine.requests[0].prefix == "x = "
    assert not engine.closed
    await completer.aclose()
