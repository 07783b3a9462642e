"""What steps cost on the device at hand, measured once when a model is loaded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

_TIMES, _ROUNDS = 3, 2


class StepCosts(NamedTuple):
    """What steps cost, until they are measured as if several tokens took as long as one.

    Attributes:
        wide: Time of a step of several tokens, up to its result on the host, in steps of one token.
        whole: Time of a forward pass operator by operator over more tokens than that, in steps of several tokens.
    """

    wide: float = 1.0
    whole: float = 8.0


def measure(
    single: Callable[[], None],
    wide: Callable[[], None],
    whole: Callable[[], None],
    clock: Callable[[], float] = time.perf_counter,
) -> StepCosts:
    """Measure steps as answers run them, waits of the host included, in the time of some twenty steps.

    Args:
        single: Runs one step of one token, while the device may already be working on the next.
        wide: Runs a step of several tokens and waits for it.
        whole: Runs a forward pass operator by operator and waits for it.
        clock: Returns the time in seconds.
    """
    seconds = []
    for run, times in ((single, _TIMES), (wide, _TIMES), (whole, 1)):
        run()  # the first call may allocate, and nothing was launched ahead of it
        rounds = []
        for _ in range(_ROUNDS):
            start = clock()
            for _ in range(times):
                run()
            rounds.append((clock() - start) / times)
        seconds.append(max(min(rounds), 1e-9))
    single_s, wide_s, whole_s = seconds
    return StepCosts(wide_s / single_s, whole_s / wide_s)
