"""The show-model: what it looks at, what it says, and what is shown by it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.showing import show_model
from infill_completion.suggest.showing.features import ShowFeatures, features_of
from infill_completion.suggest.showing.judge import ShowEstimate, ShowJudge
from infill_completion.suggest.showing.show_model import ShowModel
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE, shown

MODEL = ShowModel.shipped()
JUDGE = ShowJudge(MODEL, CompletionSettings().wrong_cost_characters)


def view(marked: str) -> View:
    return View.of(at(marked), 5000, 5000)


def estimate(marked: str, text: str, confidence: float | None = 0.9) -> ShowEstimate | None:
    """Return what the shipped model says."""
    return JUDGE.estimate(view(marked), text, confidence)


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("x = |\n", {"in_word": 0.0, "on_blank": 0.0}),
        ("x = tot|\n", {"in_word": 1.0, "on_blank": 0.0}),
        ("    |\n", {"in_word": 0.0, "on_blank": 1.0}),
    ],
)
def test_features_of_the_place(marked: str, expected: dict[str, float]) -> None:
    found = features_of(view(marked), "word", 0.9)._asdict()
    assert {name: found[name] for name in expected} == expected


def test_features_of_the_text() -> None:
    found = features_of(view("x = |\n"), "a(b)", 0.5)
    assert found.confidence == pytest.approx(0)
    assert found.length == pytest.approx(math.log(4))


@given(st.text(max_size=200), st.floats(0, 1), st.sampled_from(["x = |", "|", "# |", "a.|\n"]))
def test_every_suggestion_has_a_probability(text: str, confidence: float, marked: str) -> None:
    features = features_of(view(marked), text, confidence)
    assert 0 < MODEL.probability(features) < 1


def test_a_surer_model_is_likelier_right_and_a_longer_suggestion_is_less_likely_exactly_right() -> None:
    by_confidence = [estimate("x = |\n", "call(a)", confidence) for confidence in (0.3, 0.6, 0.9, 0.99)]
    probabilities = [one.probability for one in by_confidence if one is not None]
    assert probabilities == sorted(probabilities)
    assert len(probabilities) == 4
    by_length = [estimate("x = |\n", "call(" + "a" * count + ")") for count in (1, 10, 40)]
    probabilities = [one.probability for one in by_length if one is not None]
    assert probabilities == sorted(probabilities, reverse=True)


@pytest.mark.parametrize(
    ("marked", "text", "confidence"),
    [
        ("x = |\n", "a", None),  # the engine reports none
        ("f(|)\n", "a", 0.9),
        ("def f():|\n", "\n    return 1\n    pass", 0.9),
    ],
)
def test_what_it_was_not_fitted_to_is_left_to_the_confidence(marked: str, text: str, confidence: float | None) -> None:
    found = estimate(marked, text, confidence)
    assert found is None
    assert ShowJudge(MODEL, 1e9).admits(found)


@pytest.mark.parametrize(
    ("probability", "length", "cost", "is_shown"),
    [
        (0.5, 1, 1.0, True),
        (0.4, 1, 1.0, False),
        (0.1, 10, 1.0, True),  # it saves more
        (0.05, 10, 1.0, False),
        (0.05, 40, 1.0, True),
        (0.1, 10, 2.0, False),
        (0.001, 1, 0.0, True),
    ],
)
def test_what_it_saves_is_weighed_against_what_a_wrong_one_costs(
    probability: float, length: int, cost: float, *, is_shown: bool
) -> None:
    assert ShowJudge(MODEL, cost).admits(ShowEstimate(probability, probability, length)) is is_shown


@pytest.mark.parametrize(("probability", "is_shown"), [(0.34, True), (0.33, False)])
def test_to_who_pauses_a_wrong_one_costs_a_quarter(probability: float, is_shown: bool) -> None:
    judge = ShowJudge(MODEL, cost_characters=2)  # one character against half of one
    assert judge.admits_at_pause(ShowEstimate(probability, probability, 1)) is is_shown
    assert not judge.admits_at_pause(None)


@pytest.mark.parametrize(
    ("marked", "text", "confidence"),
    [
        ("x = |\n", "1", 0.8),
        ("    return |\n", "total", 0.75),
        ("import o|\n", "s", 0.8),
        ("    |\n", "return self._items", 0.9),
        ("    |\n", "return [item for item in self._items if item.is_ready]", 0.9),
        ("# Return |\n", "the number of items", 0.85),
        ("print('|\n", "done')", 0.8),
        ("x = compute(|\n", "first, second, third)", 0.85),
    ],
)
def test_what_people_take_is_still_shown(marked: str, text: str, confidence: float) -> None:
    assert JUDGE.admits(estimate(marked, text, confidence))


@pytest.mark.parametrize(
    ("marked", "text", "confidence"),
    [("|\n", "x", 0.5), ("    |\n", "foo", 0.5), ("x = |\n", "q", 0.3)],
)
def test_what_is_hardly_ever_right_is_not(marked: str, text: str, confidence: float) -> None:
    assert not JUDGE.admits(estimate(marked, text, confidence))


async def test_an_unlikely_suggestion_comes_only_when_asked_for_and_explain_says_why() -> None:
    completer = Completer(ScriptedEngine(says("q"), logprob=math.log(0.52)), AT_ONCE)
    assert (await completer.complete(at("    |\n"))).reason is SkipReason.LOW_CONFIDENCE
    explanation = await completer.explain(at("    |\n"))
    assert explanation.candidates[0].probability is not None
    assert "right with probability 0." in explanation.to_text()
    assert shown(await completer.complete(at("    |\n", invoked=True))) == "q"
    await completer.aclose()


@pytest.mark.parametrize(
    ("eagerness", "is_shown"), [("auto", False), ("medium", False), ("low", False), ("high", True)]
)
async def test_levels_weigh_it_differently(eagerness: str, *, is_shown: bool) -> None:
    settings = Settings(completion=CompletionSettings(debounce_ms=0, eagerness=eagerness))
    completer = Completer(ScriptedEngine(says("q"), logprob=math.log(0.52)), settings)
    assert bool((await completer.complete(at("    |\n"))).suggestions) is is_shown
    await completer.aclose()


async def test_who_lowers_the_least_confidence_sees_more() -> None:
    settings = Settings(completion=CompletionSettings(debounce_ms=0, min_confidence=0.2))
    completer = Completer(ScriptedEngine(says("q"), logprob=math.log(0.25)), settings)
    assert shown(await completer.complete(at("    |\n"))) == "q"
    await completer.aclose()


async def test_what_was_learnt_counts_from_the_next_answer_on() -> None:
    completer = Completer(ScriptedEngine(says("total"), logprob=math.log(0.8)), AT_ONCE)
    answer = await completer.complete(at("x = |\n"))
    assert shown(answer) == "total"
    first = answer.details["estimate"]
    completer.calibrate(replace(MODEL, shift=-30.0))
    assert (await completer.complete(at("y = |\n"))).reason is SkipReason.LOW_CONFIDENCE
    completer.calibrate(replace(MODEL, shift=1.0))
    answer = await completer.complete(at("z = |\n"))
    assert answer.details["estimate"] == first  # what is recorded is the shipped model's, or it would learn from itself
    await completer.aclose()


def test_the_prior_has_a_weight_for_each_feature() -> None:
    prior = json.loads(Path(show_model.__file__).with_name("prior.json").read_text("utf-8"))
    assert tuple(prior["weights"]) == ShowFeatures._fields
    assert all(math.isfinite(weight) for weight in (prior["bias"], *prior["weights"].values()))
