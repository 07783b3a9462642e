"""What nobody waits for yet takes a step only while nobody waits for anything."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.engine.scheduler.job import Job, RequestError
from infill_completion.engine.scheduler.scheduler import REST_S, Scheduler


class EndlessModel:
    """A model whose answers never end."""

    name = device = "none"
    concurrency = 2
    texts: Any = None

    @property
    def details(self) -> dict[str, Any]:
        return {}

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk | None]:
        while not cancelled():
            yield Chunk(text=request.prefix)

    def settle(self) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Keep nothing."""


def job(name: str, *, ahead: bool = False) -> Job:
    return Job(CompletionRequest(name, ahead=ahead))


def taken(scheduler: Scheduler, count: int) -> list[str]:
    """Return whose steps come next."""
    steps = []
    for _ in range(count):
        running = scheduler.next(EndlessModel())
        assert running is not None
        next(running.chunks, None)
        steps.append(running.job.request.prefix)
    return steps


async def test_the_step_after_a_real_request_comes_in_is_its_own() -> None:
    scheduler = Scheduler()
    scheduler.add(job("ahead", ahead=True))
    assert taken(scheduler, 3) == ["ahead"] * 3
    scheduler.add(job("real"))
    assert taken(scheduler, 5) == ["real"] * 5


async def test_what_is_ahead_goes_on_once_the_real_requests_have_ended() -> None:
    scheduler, real = Scheduler(), job("real")
    scheduler.add(job("ahead", ahead=True))
    assert taken(scheduler, 1) == ["ahead"]
    scheduler.add(real)
    assert taken(scheduler, 2) == ["real", "real"]
    running = scheduler.next(EndlessModel())
    assert running is not None
    scheduler.remove(running)
    assert taken(scheduler, 2) == ["ahead", "ahead"]


async def test_what_is_ahead_takes_no_room_from_real_requests() -> None:
    scheduler = Scheduler()
    for number in range(EndlessModel.concurrency):
        scheduler.add(job(f"ahead {number}", ahead=True))
    taken(scheduler, 2)
    scheduler.add(job("one"))
    scheduler.add(job("two"))
    assert sorted(taken(scheduler, 4)) == ["one", "one", "two", "two"]


async def test_what_is_ahead_does_not_start_beside_a_real_request() -> None:
    scheduler, real = Scheduler(), job("real")
    scheduler.add(real)
    scheduler.add(job("ahead", ahead=True))
    assert taken(scheduler, 3) == ["real"] * 3
    assert scheduler.counts == {"waiting": 1, "running": 1}
    real.cancel()
    running = scheduler.next(EndlessModel())
    assert running is not None
    assert running.job is real  # it ends first
    scheduler.remove(running)
    assert taken(scheduler, 1) == ["ahead"]


@pytest.mark.parametrize("ahead", [False, True])
async def test_equals_take_turns_the_newest_first(ahead: bool) -> None:
    scheduler = Scheduler()
    for name in ("older", "newer"):
        scheduler.add(job(name, ahead=ahead))
    assert taken(scheduler, 4) == ["newer", "older", "newer", "older"]


class Hands:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def step(scheduler: Scheduler, clock: Hands, text: str) -> str:
    """Let the next request write ``text``, and return its name; an empty name if none may."""
    running = scheduler.next(EndlessModel())
    if running is None:
        return ""
    running.wrote(Chunk(text=text), clock())
    return running.job.request.prefix


async def test_after_its_line_a_request_rests_until_its_client_ends_it() -> None:
    clock = Hands()
    scheduler = Scheduler(clock)
    asked = Job(CompletionRequest("line", one_line=True))
    scheduler.add(asked)
    assert [step(scheduler, clock, text) for text in ("\n", "  ", "a", "b\n", "c")] == ["line"] * 4 + [""]
    assert scheduler.rest_s() == pytest.approx(REST_S)
    scheduler.add(job("other", ahead=True))  # what nobody waits for does not use the pause
    assert step(scheduler, clock, "x") == ""
    clock.now += 2 * REST_S  # the client wants more
    assert scheduler.rest_s() == 0
    assert [step(scheduler, clock, text) for text in ("c", "\n", "d")] == ["line", "line", ""]
    asked.cancel()
    assert step(scheduler, clock, "") == "line"  # it ends at once


async def test_a_new_request_does_not_wait_for_one_that_rests() -> None:
    clock = Hands()
    scheduler = Scheduler(clock)
    scheduler.add(Job(CompletionRequest("line", one_line=True)))
    step(scheduler, clock, "a\n")
    scheduler.add(job("new"))
    assert [step(scheduler, clock, "x") for _ in range(3)] == ["new"] * 3


async def test_where_several_lines_are_wanted_there_is_no_rest() -> None:
    clock = Hands()
    scheduler = Scheduler(clock)
    scheduler.add(job("block"))
    assert [step(scheduler, clock, "a\n") for _ in range(3)] == ["block"] * 3
    assert Scheduler(clock).rest_s() == 0


async def batches(job: Job) -> list[list[str]]:
    return [[chunk.text for chunk in batch] async for batch in job.batches()]


@pytest.mark.parametrize(
    ("ahead", "step_s", "expected"),
    [
        (True, 0.001, [["a", "b", "\n"], ["c", ""]]),
        (True, 1.0, [["a", "b", "\n"], ["c", ""]]),
        (False, 0.001, [["a"], ["b", "\n"], ["c", ""]]),
        (False, 1.0, [["a"], ["b"], ["\n"], ["c"], [""]]),
    ],
    ids=["ahead", "ahead of a slow model", "awaited", "awaited of a slow model"],
)
async def test_the_first_token_and_each_line_are_passed_on_at_once(
    ahead: bool, step_s: float, expected: list[list[str]]
) -> None:
    ticks = itertools.count()
    asked = Job(CompletionRequest("x", ahead=ahead), lambda: next(ticks) * step_s)
    for text in ("a", "b", "\n", "c"):
        asked.put(Chunk(text=text))
    asked.put(Chunk(finish_reason=FinishReason.STOP))
    asked.put(None)
    assert await batches(asked) == expected


async def test_a_long_line_is_passed_on_in_parts_and_what_is_held_comes_before_the_end() -> None:
    asked = job("x", ahead=True)
    for number in range(18):
        asked.put(Chunk(text=str(number)))
    asked.put(None)
    assert [len(batch) for batch in await batches(asked)] == [8, 8, 2]


async def test_what_a_user_waits_for_is_held_for_a_moment_only() -> None:
    ticks = itertools.count()
    asked = Job(CompletionRequest("x"), lambda: next(ticks) * 0.002)
    for number in range(8):
        asked.put(Chunk(text=str(number)))
    asked.put(None)
    assert [len(batch) for batch in await batches(asked)] == [1, 3, 3, 1]


async def test_what_is_held_comes_before_an_error() -> None:
    asked = job("x", ahead=True)
    asked.put(Chunk(text="a"))
    asked.put(RequestError("The model failed."))
    chunks = asked.chunks()
    assert (await anext(chunks)).text == "a"
    with pytest.raises(RequestError):
        await anext(chunks)
