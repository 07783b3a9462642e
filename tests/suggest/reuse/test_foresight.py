"""Which characters may leave an answer, wherever the user has got to in it."""

from __future__ import annotations

import math

import pytest

from infill_completion.api import Chunk
from infill_completion.suggest.reuse.foresight import Foresight


def chunk(text: str, share: float = 1.0, **alternatives: float) -> Chunk:
    return Chunk(text=text, logprob_sum=math.log(share), token_count=1, alternatives=alternatives)


def foresight(*chunks: Chunk) -> Foresight:
    made = Foresight({"s": 0.6})
    for each in chunks:
        made.add(each)
    return made


SESSION = (
    chunk("ses"),
    chunk("sion", 0.5, sions=0.25, sor=0.1, x=0.1),
    chunk("(", 0.6, **{"": 0.2, ".": 0.2}),
    chunk(")"),
)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", {"s": 0.6}),
        ("s", {}),  # the model was sure
        ("ses", {"x": 0.1 / 0.95}),  # what begins as the answer does leaves it later
        ("sess", {"o": 0.1 / 0.85}),
        ("sessi", {}),
        ("session", {"": 0.2, ".": 0.2}),
        ("session(", {}),
        ("session()", {}),  # nobody knows what follows the end
        ("sexy", {}),
    ],
)
def test_the_characters_that_leave_an_answer(typed: str, expected: dict[str, float]) -> None:
    assert foresight(*SESSION).after(typed) == pytest.approx(expected)


@pytest.mark.parametrize("already", ["", "s", "ses", "sess", "session"])
def test_what_is_foreseen_stays_so_once_some_of_it_is_typed(already: str) -> None:
    whole = foresight(*SESSION)
    later = whole.once_typed(already)
    assert later.after("") == whole.after(already)
    assert later.after("session("[len(already) :]) == whole.after("session(")
    assert later.after("session"[len(already) :]) == whole.after("session")


def test_nothing_is_foreseen_off_the_answer() -> None:
    assert foresight(*SESSION).once_typed("sexy").after("ses") == {}


def test_a_token_of_no_text_is_no_place_to_leave_at() -> None:
    assert foresight(chunk("", 0.5, a=0.4), chunk("bc", 0.5, bd=0.5)).after("b") == {"d": 0.5}


def test_what_is_not_reported_is_not_known() -> None:
    assert Foresight().after("") == Foresight().after("a") == {}
