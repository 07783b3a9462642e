"""The wait before a failed engine is tried again."""

from __future__ import annotations

import pytest

from infill_completion.client.backoff import Backoff

DELAYS_S = (2.0, 10.0, 30.0)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def wait_s(backoff: Backoff, clock: Clock) -> float:
    """Return the whole seconds until `backoff` allows the next attempt."""
    started = clock.now_s
    while backoff.is_waiting:
        clock.now_s += 1
    return clock.now_s - started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backoff(clock: Clock) -> Backoff:
    return Backoff(DELAYS_S, clock)


def test_each_failure_in_a_row_waits_longer_and_the_last_delay_repeats(backoff: Backoff, clock: Clock) -> None:
    waits = []
    for _ in range(4):
        backoff.failed()
        waits.append(wait_s(backoff, clock))
    assert waits == [2, 10, 30, 30]


def test_a_failure_seen_again_restarts_the_wait_without_making_it_longer(backoff: Backoff, clock: Clock) -> None:
    backoff.failed()
    clock.now_s += 1
    backoff.failed(is_repeated=True)
    assert wait_s(backoff, clock) == 2


def test_after_a_success_the_first_delay_counts_even_for_a_known_failure(backoff: Backoff, clock: Clock) -> None:
    backoff.failed()
    backoff.failed()
    backoff.succeeded()
    assert not backoff.is_waiting
    backoff.failed(is_repeated=True)
    assert wait_s(backoff, clock) == 2


def test_a_server_may_ask_for_a_longer_wait_but_not_for_hours(backoff: Backoff, clock: Clock) -> None:
    backoff.failed(20)
    assert wait_s(backoff, clock) == 20
    backoff.failed(100_000)
    assert wait_s(backoff, clock) == 600
