"""Which part of an invoked answer may be shown automatically."""

from __future__ import annotations

import asyncio

from infill_completion.document.snapshot import SkipReason
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE, shown


def unconfident() -> ScriptedEngine:
    return ScriptedEngine(says(["junk()", "noise()", "trash()"]), logprob=-3.0)


async def test_an_invoked_answer_is_not_shown_automatically() -> None:
    completer = Completer(unconfident(), AT_ONCE)
    assert (await completer.complete(at("|"))).reason is SkipReason.LOW_CONFIDENCE
    assert len((await completer.complete(at("|", invoked=True))).suggestions) == 3
    answer = await completer.complete(at("|"))
    assert (answer.suggestions, answer.reason) == ((), SkipReason.LOW_CONFIDENCE)
    assert len((await completer.complete(at("|", invoked=True))).suggestions) == 3
    await completer.aclose()


async def test_an_automatic_request_is_answered_on_its_own() -> None:
    engine = ScriptedEngine(says(["sum(a)", "len(a)", "max(a)"]), logprob=-0.1)
    completer = Completer(engine, AT_ONCE)
    assert len((await completer.complete(at("x = |\n", invoked=True))).suggestions) == 3
    for _ in range(2):
        assert [item.text for item in (await completer.complete(at("x = |\n"))).suggestions] == ["sum(a)"]
        # Neither forgets the other.
        assert len((await completer.complete(at("x = |\n", invoked=True))).suggestions) == 3
    assert [request.n for request in engine.requests if request.prefix == "x = "] == [3, 1]
    await completer.aclose()


async def test_an_invoked_suggestion_stays_while_it_is_typed_whatever_its_confidence() -> None:
    completer = Completer(unconfident(), AT_ONCE)
    await completer.complete(at("x = |\n", invoked=True))
    for marked, left in [("x = no|\n", "ise()"), ("x = nois|\n", "e()"), ("x = noi|\n", "se()")]:
        assert [item.text for item in (await completer.complete(at(marked))).suggestions] == [left]
    await completer.aclose()


async def test_inside_a_word_an_invoked_suggestion_stays_only_while_it_is_typed() -> None:
    completer = Completer(ScriptedEngine(says("tal("), logprob=-0.1), AT_ONCE)
    inside = "result = compute_to|values\n"
    assert (await completer.complete(at(inside))).reason is SkipReason.MID_LINE
    assert shown(await completer.complete(at(inside, invoked=True))) == "tal("
    assert (await completer.complete(at(inside))).reason is SkipReason.MID_LINE
    assert shown(await completer.complete(at("result = compute_tota|values\n"))) == "l("
    await completer.aclose()


async def test_an_unconfident_answer_to_a_superseded_invoked_request_is_not_shown_automatically() -> None:
    engine = unconfident()
    engine.gate = asyncio.Event()
    completer = Completer(engine, AT_ONCE)
    invoked = asyncio.create_task(completer.complete(at("x = |\n", invoked=True)))
    await engine.started.wait()
    automatic = asyncio.create_task(completer.complete(at("x = j|\n", version=2)))
    assert (await invoked).reason is SkipReason.SUPERSEDED
    engine.gate.set()
    assert (await automatic).reason is SkipReason.LOW_CONFIDENCE
    await completer.aclose()
