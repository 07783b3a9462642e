"""The wait before a request follows the typing rhythm and the model."""

from __future__ import annotations

import pytest

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_completion.document.view import View
from infill_completion.suggest.debounce import Debounce


def test_the_debounce_follows_the_typist_and_the_model() -> None:
    debounce = Debounce()
    for beat in range(100):
        debounce.key(beat * 0.1)
        debounce.answered(5)
    fast_model = debounce.wait_ms
    for _ in range(100):
        debounce.answered(2000)
    slow_model = debounce.wait_ms
    assert fast_model < 20
    assert 100 < slow_model < 130
    for beat in range(100):
        debounce.key(100 + beat * 0.4)
    assert debounce.wait_ms > slow_model


def test_the_first_answer_outweighs_the_initial_guess() -> None:
    debounce = Debounce()
    supposed = debounce.latency_ms
    debounce.answered(supposed / 10)
    assert debounce.latency_ms == pytest.approx(supposed / 10)
    debounce.answered(supposed)  # a later one moves the mean as it always did
    assert debounce.latency_ms == pytest.approx(0.55 * supposed)


def test_a_pause_for_thought_does_not_count_as_typing() -> None:
    debounce = Debounce()
    before = debounce.interval_ms
    debounce.key(0)
    debounce.key(60)
    assert debounce.interval_ms == before


def test_a_model_much_faster_than_the_typist_is_asked_at_once() -> None:
    debounce = Debounce(interval_ms=160, latency_ms=35)
    assert debounce.wait_ms == 0
    debounce.latency_ms = 80
    assert 20 < debounce.wait_ms < 50
    debounce.fixed_ms = 5
    assert debounce.next_wait_ms("file:///a", is_invoked=False) == 5


def test_a_key_that_is_recorded_twice_counts_once() -> None:
    once, twice = Debounce(), Debounce()
    for beat in range(5):
        once.key(beat * 0.1)
        twice.key(beat * 0.1)
        twice.key(beat * 0.1)  # the editor asks for the popup and for the ghost text
    assert once == twice


def test_a_slow_first_answer_does_not_hold_up_the_next_ones() -> None:
    debounce = Debounce()
    for latency_ms in (320, 35, 35, 35):
        debounce.answered(latency_ms)
    assert debounce.latency_ms < 75
    settled = debounce.latency_ms
    debounce.answered(320)
    assert debounce.latency_ms < settled + 60


def steady(debounce: Debounce, keys: int, latency_ms: float, interval_ms: float = 120.0) -> list[bool]:
    """Type steadily, and return which keys were answered: those whose wait and answer fit between two keys."""
    answered = []
    for beat in range(keys):
        debounce.key(beat * interval_ms / 1000)
        is_answered = debounce.next_wait_ms("file:///a", is_invoked=False) + latency_ms < interval_ms
        if is_answered:
            debounce.answered(latency_ms)
        answered.append(is_answered)
    return answered


def test_slow_answers_by_chance_do_not_silence_a_fast_model_for_a_steady_typist() -> None:
    debounce = Debounce(may_try=True)
    debounce.answered(400)  # the first one, with a new prompt
    answered = steady(debounce, 40, latency_ms=30)
    assert not any(answered[:5])
    assert all(answered[-10:])


def test_a_model_of_which_nothing_is_known_is_asked_at_once() -> None:
    debounce = Debounce(may_try=True)
    debounce.key(1.0)
    assert debounce.next_wait_ms("file:///a", is_invoked=False) == 0
    debounce.answered(900, view("x = 1"))  # its prompt was new
    assert debounce.next_wait_ms("file:///a", is_invoked=False) == 0
    debounce.answered(900, view("x = 12"))
    assert debounce.next_wait_ms("file:///a", is_invoked=False) > 100


def test_it_is_not_asked_for_ever_if_it_does_not_answer() -> None:
    debounce = Debounce(may_try=True)
    waits = [debounce.next_wait_ms("file:///a", is_invoked=False) for _ in range(8)]
    assert [wait == 0 for wait in waits] == [True, True, *[False] * 6]
    assert Debounce().next_wait_ms("file:///a", is_invoked=False) > 0


def test_a_slow_model_is_tried_rarely() -> None:
    debounce = Debounce(may_try=True, interval_ms=120)
    for _ in range(5):
        debounce.answered(2000)
    waits = [debounce.next_wait_ms("file:///a", is_invoked=False) for _ in range(45)]
    assert waits.count(0) == 5
    assert sorted(waits)[5] > 100


def test_a_server_that_costs_money_is_never_tried() -> None:
    debounce = Debounce()
    debounce.answered(400)
    assert not any(steady(debounce, 40, latency_ms=30))


def view(before: str, uri: str = "file:///a", after: str = "\n") -> View:
    return View.of(Snapshot(uri, 1, "python", before + after, len(before), Trigger.AUTOMATIC), 1000, 1000)


PLACES = [
    view("x = 1"),
    view("x = 1", uri="file:///b"),
    view("x = 1" + 600 * "y"),
    view("x = 1", after=" + 2\n"),
]


@pytest.mark.parametrize("first", PLACES)
def test_an_answer_with_a_new_prompt_says_nothing_about_the_next_one(first: View) -> None:
    debounce = Debounce()
    for typed in ("y = ", "y = f"):
        debounce.answered(30, view(typed))
    known = debounce.latency_ms
    assert known == 30  # the first place was new too
    debounce.answered(900, view("z" * 2000))
    assert debounce.latency_ms == known
    debounce.answered(900, first)
    assert debounce.latency_ms == known


def test_after_typing_and_deleting_an_answer_counts() -> None:
    debounce = Debounce()
    debounce.answered(900, view("y = "))
    for typed in ("y = f", "y = fo", "y = f", "y = f\n    "):
        debounce.answered(30, view(typed))
    assert debounce.latency_ms == 30


def test_a_model_that_answers_no_key_of_a_burst_is_asked_at_once_only_now_and_then() -> None:
    debounce = Debounce(may_try=True)
    at_once = [debounce.next_wait_ms("file:///a", is_invoked=False) == 0.0 for _ in range(26)]
    assert [number for number, is_due in enumerate(at_once) if is_due] == [0, 1, 8, 17]
