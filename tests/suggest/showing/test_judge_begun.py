"""What has begun too badly to become worth showing."""

from __future__ import annotations

import math

import pytest

from infill_completion.document.view import View
from infill_completion.suggest.showing.judge import Begun, ShowJudge
from infill_completion.suggest.showing.show_model import ShowModel
from tests.suggest.scripted import at

JUDGE = ShowJudge(ShowModel.shipped(), 2.0)


@pytest.mark.parametrize(
    ("share", "tokens", "expected"),
    [(0.9, 1, True), (0.3, 1, True), (0.9, 20, True), (0.4, 8, False), (0.02, 1, False)],
)
def test_it_is_given_up_once_certain_tokens_would_not_save_it(share: float, tokens: int, expected: bool) -> None:
    view = View.of(at("x = |\n"), 1000, 1000)
    assert JUDGE.may_admit(view, Begun(3 * tokens, tokens, tokens * math.log(share))) is expected


def test_what_the_show_model_does_not_judge_is_not_given_up() -> None:
    view = View.of(at("f(|, b)\n"), 1000, 1000)
    assert JUDGE.may_admit(view, Begun(30, 10, -40.0))


def test_whoever_wants_to_see_everything_waits_for_everything() -> None:
    view = View.of(at("x = |\n"), 1000, 1000)
    assert ShowJudge(ShowModel.shipped(), 0.0).may_admit(view, Begun(30, 10, -40.0))
