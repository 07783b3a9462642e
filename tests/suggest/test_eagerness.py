"""How much is shown unasked: by confidence, and in comments and strings."""

from __future__ import annotations

import math

import pytest

from infill_completion.document.snapshot import SkipReason
from infill_completion.settings import CompletionSettings, Settings, merge
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import shown


def completer(engine: ScriptedEngine, **completion: object) -> Completer:
    """Return a completer that asks at once, with settings as a user writes them."""
    written = {f"completion.{key}": value for key, value in completion.items()}
    settings, problems = merge(Settings(), {"completion.debounce_ms": 0, **written}, origin="test")
    assert problems == []
    return Completer(engine, settings)


@pytest.mark.parametrize(
    ("eagerness", "min_confidence", "shown_at"),
    [
        ("auto", 0.5, [0.75, 0.95]),
        ("auto", 0.9, [0.95]),
        ("auto", 0.2, [0.25, 0.35, 0.55, 0.75, 0.95]),
        ("auto", 0.0, [0.25, 0.35, 0.55, 0.75, 0.95]),
        ("low", 0.5, [0.95]),
        ("low", 0.0, [0.95]),  # who chooses a level means it
        ("medium", 0.0, [0.75, 0.95]),
        ("high", 0.9, [0.35, 0.55, 0.75, 0.95]),
    ],
)
async def test_levels(eagerness: str, min_confidence: float, shown_at: list[float]) -> None:
    found = []
    for confidence in (0.25, 0.35, 0.55, 0.75, 0.95):
        engine = ScriptedEngine(says("call(a)"), logprob=math.log(confidence))
        one = completer(engine, eagerness=eagerness, min_confidence=min_confidence)
        if (await one.complete(at("x = |\n"))).suggestions:
            found.append(confidence)
        assert (await one.complete(at("x = |\n", invoked=True))).suggestions  # asked for, it always comes
        await one.aclose()
    assert found == shown_at


async def test_another_level_counts_at_once() -> None:
    one = completer(ScriptedEngine(says("call(a)"), logprob=math.log(0.6)), eagerness="low")
    assert (await one.complete(at("x = |\n"))).reason is SkipReason.LOW_CONFIDENCE
    one.configure(Settings(completion=CompletionSettings(debounce_ms=0, eagerness="high")))
    assert shown(await one.complete(at("x = |\n"))) == "call(a)"
    await one.aclose()


COMMENT, STRING = SkipReason.IN_COMMENT, SkipReason.IN_STRING


@pytest.mark.parametrize(
    ("marked", "comments_off", "strings_off"),
    [
        ("# a|\n", COMMENT, None),
        ("x = 1  # a|\n", COMMENT, None),
        ('def f():\n    """Return |"""\n', COMMENT, None),
        ("x = 'a |'\n", None, STRING),
        ("x = 'a |", None, STRING),
        ("x = f'{|}'\n", None, None),
        ("x = |\n", None, None),
        ("# a\nx = |\n", None, None),
    ],
)
async def test_comments_and_strings(
    marked: str, comments_off: SkipReason | None, strings_off: SkipReason | None
) -> None:
    for settings, reason in (({"in_comments": False}, comments_off), ({"in_strings": False}, strings_off), ({}, None)):
        engine = ScriptedEngine(says("word"), logprob=-0.1)
        one = completer(engine, **settings)
        answer = await one.complete(at(marked))
        assert (answer.reason in {COMMENT, STRING}, bool(engine.requests)) == (reason is not None, reason is None)
        if reason is not None:
            assert answer.reason is reason
            assert (await one.explain(at(marked))).reason == reason.value
        assert (await one.complete(at(marked, invoked=True))).reason not in {COMMENT, STRING}
        await one.aclose()


async def test_a_suggestion_that_goes_on_in_a_string_stays_while_it_is_typed() -> None:
    one = completer(ScriptedEngine(says("open('a b')"), logprob=-0.1), in_strings=False)
    assert shown(await one.complete(at("x = |\n"))) == "open('a b')"
    assert shown(await one.complete(at("x = open('a|\n"))) == " b')"
    await one.aclose()


async def test_what_was_shown_in_a_comment_is_not_once_it_is_off() -> None:
    one = completer(ScriptedEngine(says("words of it"), logprob=-0.1))
    assert shown(await one.complete(at("# some |\n"))) == "words of it"
    one.configure(Settings(completion=CompletionSettings(debounce_ms=0, in_comments=False)))
    assert (await one.complete(at("# some |\n"))).reason is COMMENT
    await one.aclose()
