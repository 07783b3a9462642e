"""Several candidates, their order, and no suggestion if the confidence is low."""

import math
from dataclasses import replace

import pytest

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.document.snapshot import SkipReason, Trigger
from infill_completion.document.view import View
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.ranking import rank
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE

STOP = FinishReason.STOP


def view(marked: str = "x = |\n", *, invoked: bool = True) -> View:
    return View.of(at(marked, invoked=invoked), 1000, 1000)


def choice(text: str, confidence: float | None) -> Choice:
    return Choice(text, text, STOP, confidence)


def test_the_likeliest_candidate_comes_first_and_duplicates_count_once() -> None:
    choices = (choice("one", 0.2), choice("two", 0.7), choice("one ", 0.9), choice("three", 0.1))
    ranking = rank(view(), choices, 0.0)
    assert [(offer.text, offer.confidence) for offer in ranking.offers] == [("one", 0.9), ("two", 0.7), ("three", 0.1)]


def test_a_candidate_of_known_names_comes_before_a_slightly_likelier_one_of_unknown_names() -> None:
    choices = (choice("frobnicate(quux)", 0.6), choice("compute(total)", 0.55))
    ranking = rank(view("def compute(total):\n    pass\n\nx = |\n"), choices, 0.0)
    assert [offer.text for offer in ranking.offers] == ["compute(total)", "frobnicate(quux)"]


def test_names_of_other_files_are_known() -> None:
    choices = (choice("frobnicate(quux)", 0.6), choice("compute(total)", 0.55))
    ranking = rank(view(), choices, 0.0, knows={"compute", "total"}.__contains__)
    assert [offer.text for offer in ranking.offers] == ["compute(total)", "frobnicate(quux)"]


def test_a_candidate_that_parses_in_place_comes_before_a_slightly_likelier_one_that_does_not() -> None:
    choices = (choice("[total", 0.6), choice("total", 0.5))
    ranking = rank(view("def f(total):\n    return |\n\n\nprint(f(1))\n"), choices, 0.0)
    assert [offer.text for offer in ranking.offers] == ["total", "[total"]


def test_without_confidence_the_order_of_the_engine_is_kept() -> None:
    ranking = rank(view(), (choice("b", None), choice("a", None)), 0.5)
    assert [offer.text for offer in ranking.offers] == ["b", "a"]


def test_a_low_confidence_is_shown_only_if_invoked() -> None:
    doubtful = (choice("one", 0.3),)
    assert rank(view(invoked=False), doubtful, 0.5).reason is SkipReason.LOW_CONFIDENCE
    assert rank(view(invoked=False), doubtful, 0.2).offers
    assert rank(view(invoked=True), doubtful, 0.5).offers


async def test_confidence_is_the_mean_probability_of_a_token() -> None:
    engine = ScriptedEngine(says("12345678"), logprob=math.log(0.25))
    answer = await Completer(engine, AT_ONCE).complete(at("x = |\n", invoked=True))
    assert answer.suggestions[0].confidence is not None
    assert math.isclose(answer.suggestions[0].confidence, 0.25)


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
async def test_the_suggestion_does_not_depend_on_where_chunks_end(piece: int) -> None:
    said = "\n    a()\n    if b:\n        c([\n    d()\n\ndef g():\n    pass\n" + "x = 1\n" * 50
    engine = ScriptedEngine(says(said), piece=piece)
    completer = Completer(engine, AT_ONCE)
    explanation = await completer.explain(at("def f():|\n", invoked=True))
    assert [suggestion.text for suggestion in explanation.suggestions] == ["\n    a()\n    if b:\n        c([\n    d()"]
    raw = explanation.candidates[0].raw
    assert said.startswith(raw)
    assert len(raw) < said.index("pass")
    await completer.aclose()


async def test_an_invoked_request_gets_several_candidates_and_a_longer_deadline() -> None:
    engine = ScriptedEngine(says(["a", "b", "a", "c"]))
    settings = Settings(completion=CompletionSettings(candidates=3))
    completer = Completer(engine, settings)
    answer = await completer.complete(at("x = |\n", invoked=True))
    assert [suggestion.text for suggestion in answer.suggestions] == ["a", "b"]
    assert engine.requests[0].n == 3
    assert engine.requests[0].deadline_ms == 3 * settings.completion.deadline_ms
    await completer.aclose()


async def test_an_invoked_request_does_not_reuse_an_automatic_answer() -> None:
    engine = ScriptedEngine(lambda request: "auto" if request.n == 1 else ["a", "b", "c"])
    completer = Completer(engine, AT_ONCE)
    automatic = at("x = |\n")
    await completer.complete(automatic)
    answer = await completer.complete(replace(automatic, trigger=Trigger.INVOKED))
    assert [suggestion.text for suggestion in answer.suggestions] == ["a", "b", "c"]
    again = await completer.complete(replace(automatic, trigger=Trigger.INVOKED))
    assert again.details["reuse"] == "asked here before"
    await completer.aclose()


class Hangs:
    """An engine that ignores its deadline."""

    async def complete(self, request: CompletionRequest):
        import asyncio

        del request
        yield Chunk(text="first(a); sec")
        await asyncio.Event().wait()


async def test_an_engine_that_hangs_is_abandoned_and_its_text_cut_at_a_boundary() -> None:
    settings = Settings(completion=CompletionSettings(debounce_ms=0, deadline_ms=50))
    completer = Completer(Hangs(), settings)
    answer = await completer.complete(at("x = |\n", "javascript"))
    assert [suggestion.text for suggestion in answer.suggestions] == ["first(a);"]
    await completer.aclose()


async def test_a_deadline_before_anything_whole_is_not_remembered() -> None:
    engine = ScriptedEngine(says("some_long_na"), reason=FinishReason.DEADLINE)
    completer = Completer(engine, AT_ONCE)
    answer = await completer.complete(at("x = |\n"))
    assert answer.reason is SkipReason.TOO_SLOW
    assert not answer.is_final
    engine.reason = STOP
    assert (await completer.complete(at("x = |\n"))).suggestions
    await completer.aclose()


async def test_too_few_tokens_for_anything_whole_are_the_reason() -> None:
    completer = Completer(ScriptedEngine(says("some"), reason=FinishReason.LENGTH), AT_ONCE)
    assert (await completer.complete(at("x = |\n"))).reason is SkipReason.CUT_SHORT
    await completer.aclose()


async def test_a_loop_of_lines_ends_the_stream_after_three_copies() -> None:
    engine = ScriptedEngine(says("\n    print(a)\n    print(b)" * 20))
    completer = Completer(engine, AT_ONCE)
    explanation = await completer.explain(at("def f():|\n"))
    assert [suggestion.text for suggestion in explanation.suggestions] == ["\n    print(a)\n    print(b)"]
    assert explanation.candidates[0].raw.count("print(a)") <= 4
    await completer.aclose()
