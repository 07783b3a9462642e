"""The measured cost of steps, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from infill_completion.api import CompletionRequest
from infill_completion.engine.bench.workload import endless, request_of
from infill_completion.engine.decoding.draft_policy import DraftPolicy, PassCosts
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.cuda.choice import Token
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.step_costs import StepCosts, measure
from infill_completion.engine.model.kv_cache import KVCache
from tests.engine.model.cuda.test_device_loop import COLD, PROMPT, Recorder, answered, followed, read


class Clock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def work(self, seconds: float, first: float = 0.0) -> Callable[[], None]:
        """Return work that takes ``seconds``, and ``first`` more the first time."""
        left = [first]

        def run() -> None:
            self.now_s += seconds + (left.pop() if left else 0.0)

        return run


def test_costs_are_those_of_later_calls() -> None:
    clock = Clock()
    costs = measure(clock.work(2.0, 9.0), clock.work(3.0, 9.0), clock.work(15.0, 99.0), clock)
    assert costs == pytest.approx(StepCosts(1.5, 5.0))


def test_a_clock_that_stands_still_gives_numbers() -> None:
    nothing = Clock().work(0.0)
    assert measure(nothing, nothing, nothing, Clock()) == StepCosts(1.0, 1.0)


def test_a_loop_measures_its_graphs_and_leaves_the_cache_usable(tiny: Generator) -> None:
    decoder = tiny.model.forward_pass.decoder
    loop = DeviceLoop(decoder, 4)
    loop.measure(KVCache(decoder.kv_shape, 512))
    assert loop.costs == StepCosts()  # nothing is captured
    loop.capture, cache = Recorder(), KVCache(decoder.kv_shape, 512)
    loop.prepare(cache)
    loop.measure(cache)
    assert loop.costs != StepCosts()
    assert loop.costs.wide > 0
    expected = followed(DeviceLoop(decoder, 4), COLD, read(decoder, PROMPT), PROMPT, 6)
    decoder.forward(torch.tensor([PROMPT[:-1]], device=decoder.device), cache, 0)
    assert followed(loop, COLD, cache, PROMPT, 6) == expected


def test_a_short_cache_is_not_measured(tiny: Generator) -> None:
    decoder = tiny.model.forward_pass.decoder
    loop, cache = DeviceLoop(decoder, 4), KVCache(decoder.kv_shape, 100)
    loop.capture = Recorder()
    loop.prepare(cache)
    loop.measure(cache)
    assert loop.costs == StepCosts()


@pytest.mark.parametrize(("whole", "replays"), [(0.3, 1), (3.9, 3), (1e9, 16)])
def test_wide_steps_reach_as_far_as_they_are_faster(tiny: Generator, whole: float, replays: int) -> None:
    decoder = tiny.model.forward_pass.decoder
    loop, cache = DeviceLoop(decoder, 4), KVCache(decoder.kv_shape, 512)
    loop.capture = Recorder()
    loop.prepare(cache)
    loop.costs = StepCosts(1.0, whole)
    assert loop.reach(cache, 0) == replays * loop.width
    assert loop.reach(cache, 500) == min(replays, 2) * loop.width


@pytest.mark.parametrize(
    ("cost", "length", "is_gain"),
    [
        (1.0, 1, True),
        (1.15, 1, True),
        (1.7, 1, True),
        (1.8, 1, False),
        (1.8, 4, True),
        (4.0, 4, False),
        (1.0, 0, False),
    ],
)
def test_a_draft_is_checked_where_that_is_likely_to_save_time(cost: float, length: int, is_gain: bool) -> None:
    assert bool(DraftPolicy(7, cost).worth([5] * length)) is is_gain


def test_wrong_drafts_end_dear_checks_and_right_ones_bring_them_back() -> None:
    policy, cheap = DraftPolicy(7, 1.7), DraftPolicy(7, 1.01)
    for _ in range(8):
        policy.learn([1, 2, 3, 4], 0)
        cheap.learn([1, 2, 3, 4], 0)
    assert not policy.worth([1, 2, 3, 4])
    assert cheap.worth([1, 2, 3, 4]) == [1, 2, 3, 4]
    for _ in range(8):
        policy.learn([1], 1)
    assert policy.worth([1, 2, 3, 4]) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("per_token", "right", "checked"),
    [(0.0, 3, 4), (0.25, 3, 3), (0.25, 1, 1), (0.25, 0, 0), (0.05, 1, 4), (1.0, 9, 0)],
)
def test_where_each_token_costs_time_a_draft_is_cut_to_what_pays(per_token: float, right: int, checked: int) -> None:
    policy = DraftPolicy(7, 1.0, per_token)
    for _ in range(6):
        policy.learn([1, 2, 3, 4], min(right, 4))
    assert len(policy.worth([1, 2, 3, 4])) == checked


def test_the_cost_of_a_token_follows_the_passes() -> None:
    costs = PassCosts()
    before = costs.per_token
    costs.add(3, 5.0)  # nothing to compare it with yet
    assert costs.per_token == before
    for _ in range(100):
        costs.add(1, 0.001)
        costs.add(5, 0.0014)
    assert costs.per_token == pytest.approx(0.1, abs=0.01)
    costs.add(1, 9.0)  # interrupted
    costs.add(5, 9.0)
    assert costs.per_token < 0.25


def test_no_draft_teaches_nothing() -> None:
    policy = DraftPolicy(7, 1.7)
    for _ in range(100):
        policy.learn([], 0)
    policy.learn([1, 2], 0)
    assert policy.worth([1, 2, 3, 4]) == [1, 2, 3, 4]


class Counter(DeviceLoop):
    """A loop that counts drafts, and steps run ahead that they left unused."""

    checked, wasted = 0, 0

    def check(self, *args: object) -> list[Token]:
        self.checked += 1
        self.wasted += self._ahead is not None
        return super().check(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("cost", [1.0, 1.15, 1.7, 100.0])
def test_answers_do_not_depend_on_what_a_draft_costs_and_no_step_is_thrown_away(tiny: Generator, cost: float) -> None:
    generator = endless(tiny, shipped=False).with_settings(draft_tokens=4)
    request = replace(request_of(generator, 200, 60), temperature=0.0)
    expected = answered(generator, request)
    loop = Counter(generator.model.forward_pass.decoder, 4)
    loop.costs = StepCosts(cost)
    generator.model.device_loop = loop
    assert answered(generator, request) == expected
    assert loop.wasted == 0
    assert (loop.checked == 0) == (cost == 100.0)


def test_health_says_what_a_draft_costs(tiny: Generator) -> None:
    generator = tiny.with_settings(draft_tokens=4)
    generator.model.device_loop = DeviceLoop(generator.model.forward_pass.decoder, 4)
    generator.model.device_loop.costs = StepCosts(1.153)
    assert generator.details["draft_cost_steps"] == 1.15
    assert generator.model.draft_policy(CompletionRequest("")).most == 4
    assert generator.with_settings(draft_tokens=0).model.draft_policy(CompletionRequest("")).most == 0
