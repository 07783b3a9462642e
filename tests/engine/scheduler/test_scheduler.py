"""Several requests on one model: each makes progress, and each gets the tokens it would get alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest, EngineState, FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.engine.scheduler.activity import IdleLimits
from infill_completion.engine.scheduler.job import Job, RequestError
from infill_completion.engine.scheduler.worker import NotReadyError, Worker
from infill_completion.settings import EngineSettings
from tests.engine.tiny import never

DEADLINE_S = 60.0
ASK = CompletionRequest(prefix="", suffix="\n", max_tokens=20, temperature=0.0)
LONG = replace(ASK, prefix="a_long_one = [", max_tokens=100)
SHORT = replace(ASK, prefix="def a_short_one(first, second):\n    return ", max_tokens=10)
THIRD = replace(ASK, prefix="class Third:\n    def method(self):\n        ", max_tokens=30, temperature=0.9, seed=2)


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in sorted(chunks, key=lambda chunk: chunk.index))


def alone(generator: Generator, request: CompletionRequest) -> str:
    return text_of(list(generator.with_settings().stream(request, never)))


def interleaved(generator: Generator, requests: list[CompletionRequest]) -> list[str]:
    """Answer all requests, one step of each after another."""
    running = {number: generator.steps(request, never) for number, request in enumerate(requests)}
    got: dict[int, list[Chunk]] = {number: [] for number in running}
    while running:
        for number, steps in list(running.items()):
            try:
                chunk = next(steps)
            except StopIteration:
                del running[number]
                continue
            if chunk is not None:
                got[number].append(chunk)
    return [text_of(chunks) for chunks in got.values()]


REQUESTS = [LONG, SHORT, THIRD, replace(SHORT, n=3, temperature=0.0), replace(LONG, prefix=LONG.prefix + "1, ")]


@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
@pytest.mark.parametrize("slots", [4, 1], ids=["a slot each", "too few slots"])
def test_interleaving_changes_no_token(tiny: Generator, cache: MixtureParameters | None, slots: int) -> None:
    generator = tiny.with_settings(cache=cache)
    generator.model.slots.count = slots
    expected = [alone(generator, request) for request in REQUESTS]
    assert interleaved(generator, REQUESTS) == expected
    kept, shape = generator.model.slots, generator.model.forward_pass.kv_shape
    assert kept.bytes <= slots * kept.capacity * shape.bytes_per_token


@pytest.mark.parametrize("passes", [3, 9, 10, 20])
def test_a_request_that_runs_out_of_memory_leaves_the_others_alone(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch, passes: int
) -> None:
    generator = tiny.with_settings()
    expected = [alone(generator, request) for request in REQUESTS]
    forward = Decoder.forward
    failures = iter([*[False] * passes, True])

    def scarce(self: Decoder, *args: Any, **options: Any) -> torch.Tensor:
        if next(failures, False):
            raise torch.OutOfMemoryError("no more")
        return forward(self, *args, **options)

    monkeypatch.setattr(Decoder, "forward", scarce)
    assert interleaved(generator, REQUESTS) == expected
    assert generator.model.context_tokens == tiny.model.context_tokens // 2


def test_a_long_prefill_pauses_between_chunks(tiny: Generator) -> None:
    long = replace(ASK, prefix="x = compute(y, z)\n" * 200)
    generator = tiny.with_settings()
    # One thread, and so a pause after every 256 tokens.
    generator.model.forward_pass = ForwardPass(generator.model.forward_pass.decoder)
    steps = generator.steps(long, never)
    assert next(steps) is None
    chunks = [chunk for chunk in steps if chunk is not None]
    assert text_of(chunks) == alone(tiny, long)


class WatchedModel:
    """A real generator that records its steps and can be paused after one of them."""

    def __init__(self, generator: Generator, closed: threading.Event | None = None) -> None:
        self.taken: list[tuple[str, int]] = []
        self.hold_at, self.held, self.go = -1, threading.Event(), threading.Event()
        self._generator, self._closed = generator, closed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk | None]:
        for chunk in self._generator.steps(request, cancelled):
            self.taken.append((request.prefix, chunk.token_count if chunk else 0))
            yield chunk
            if len(self.taken) == self.hold_at:
                self.held.set()
                assert self.go.wait(DEADLINE_S)

    def close(self) -> None:
        self._generator.close()
        if self._closed is not None:
            self._closed.set()


@pytest.fixture
async def engine(tiny_folder: Path) -> AsyncIterator[tuple[Worker, WatchedModel]]:
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="none")
    model = WatchedModel(Generator.load(settings, lambda share, doing: None))
    worker = Worker(lambda progress: model)
    worker.start()
    await ready(worker)
    yield worker, model
    model.go.set()
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)


async def ready(worker: Worker) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while worker.health().state is not EngineState.READY:
            await asyncio.to_thread(worker.join, 0.01)


async def read(job: Job) -> list[Chunk]:
    return [chunk async for chunk in job.chunks()]


async def held(model: WatchedModel, worker: Worker, request: CompletionRequest, *, at: int) -> Job:
    """Start ``request`` and pause the model thread after its step ``at``."""
    model.hold_at = at
    job = worker.submit(request)
    assert await asyncio.to_thread(model.held.wait, DEADLINE_S)
    return job


async def test_a_window_does_not_wait_for_the_end_of_anothers_answer(engine: tuple[Worker, WatchedModel]) -> None:
    worker, model = engine
    long = await held(model, worker, LONG, at=3)
    short = worker.submit(SHORT)
    assert worker.health().details["waiting"] == 1
    model.go.set()
    texts = [text_of(chunks) for chunks in await asyncio.gather(read(long), read(short))]
    assert texts == [alone(model._generator, LONG), alone(model._generator, SHORT)]
    order = [prefix for prefix, _ in model.taken]
    assert order[-1] == LONG.prefix  # the short one ended first
    both = order[order.index(SHORT.prefix) : len(order) - order[::-1].index(SHORT.prefix)]
    assert set(both[::2]) == {SHORT.prefix}
    assert set(both[1::2]) == {LONG.prefix}


async def test_the_newest_request_starts_first_and_cancelled_ones_never(engine: tuple[Worker, WatchedModel]) -> None:
    worker, model = engine
    running = await held(model, worker, LONG, at=3)
    older, dropped, newer = (
        worker.submit(replace(SHORT, prefix=f"{name} = ")) for name in ("older", "dropped", "newer")
    )
    dropped.cancel()
    model.go.set()
    await asyncio.gather(*(read(job) for job in (running, older, newer)))
    order = list(dict.fromkeys(prefix for prefix, _ in model.taken))
    assert order == [LONG.prefix, "newer = ", "older = "]


async def test_cancelling_ends_the_work_within_a_token(engine: tuple[Worker, WatchedModel]) -> None:
    worker, model = engine
    long = await held(model, worker, LONG, at=5)
    other = worker.submit(THIRD)
    long.cancel()
    before = len(model.taken)
    model.go.set()
    assert text_of(await read(other)) == alone(model._generator, THIRD)
    after = [step for step in model.taken[before:] if step[0] == LONG.prefix]
    assert sum(tokens for _, tokens in after) == 0
    # It ends before the new one starts, so that its slot is free for the same document.
    assert [prefix for prefix, _ in model.taken[before:]].index(THIRD.prefix) == len(after)
    assert 'outcome="cancelled"} 1' in worker.metrics.text(worker.health(), 0)


@pytest.mark.parametrize("choices", [1, 2])
@pytest.mark.parametrize("is_failing", [False, True], ids=["answered", "failed"])
async def test_a_request_is_counted_before_its_client_learns_of_the_end(
    engine: tuple[Worker, WatchedModel], monkeypatch: pytest.MonkeyPatch, choices: int, is_failing: bool
) -> None:
    worker, model = engine
    put, found = Job.put, list[str]()

    def watched(job: Job, item: Chunk | RequestError | None) -> None:
        if not isinstance(item, Chunk):
            found.append(worker.metrics.text(worker.health(), 0))
            found.append(f"running {worker.health().details['running']}")
        put(job, item)

    def failing(_request: CompletionRequest, _cancelled: Callable[[], bool]) -> Iterator[Chunk | None]:
        yield Chunk(0, "x")
        raise ModelError("It fails.")

    monkeypatch.setattr(Job, "put", watched)
    if is_failing:
        monkeypatch.setattr(model, "steps", failing)
    job = worker.submit(replace(SHORT, n=choices))
    if is_failing:
        with pytest.raises(RequestError, match="It fails"):
            await read(job)
    else:
        await read(job)
    counted, running = found
    outcome = "failed" if is_failing else "length"
    assert f'infill_requests_total{{outcome="{outcome}"}} 1' in counted
    assert running == "running 0"


async def test_a_keystroke_takes_over_the_slot_of_the_request_it_replaces(engine: tuple[Worker, WatchedModel]) -> None:
    worker, model = engine
    long = await held(model, worker, LONG, at=5)
    long.cancel()
    newer = worker.submit(replace(LONG, prefix=LONG.prefix + "1, ", max_tokens=5))
    model.go.set()
    (*_, last) = await read(newer)
    assert last.usage is not None
    assert last.usage.prompt_tokens - last.usage.cached_tokens <= 4
    assert model.model.slots.bytes == model.model.slots.capacity * model.model.forward_pass.kv_shape.bytes_per_token


async def test_idle_weights_are_unloaded_and_the_next_request_loads_them_again(tiny_folder: Path) -> None:
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="none")
    closed = threading.Event()
    worker = Worker(
        lambda progress: WatchedModel(Generator.load(settings, progress), closed),
        idle=IdleLimits(unload_s=0.01, exit_s=300),
    )
    worker.start()
    assert await asyncio.to_thread(closed.wait, DEADLINE_S)
    worker._idle = IdleLimits(300, 300)  # else it might be unloaded again before the request
    with pytest.raises(NotReadyError) as refused:
        worker.submit(SHORT)
    assert "unloaded" in refused.value.health.reason or refused.value.health.state is EngineState.LOADING
    await ready(worker)
    (*_, last) = await read(worker.submit(SHORT))
    assert last.finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)


async def test_memory_of_requests_goes_back_once_after_each_pause(tiny_folder: Path) -> None:
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="none")
    settled = threading.Semaphore(0)

    class Settling(WatchedModel):
        def settle(self) -> None:
            settled.release()

    worker = Worker(
        lambda progress: Settling(Generator.load(settings, progress)), idle=IdleLimits(300, 300, settle_s=0.01)
    )
    worker.start()
    await ready(worker)
    for _ in range(3):  # after loading, and after each answer
        assert await asyncio.to_thread(settled.acquire, timeout=DEADLINE_S)
        await read(worker.submit(SHORT))
    assert await asyncio.to_thread(settled.acquire, timeout=DEADLINE_S)
    assert not settled.acquire(blocking=False)
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)


async def test_a_full_device_refuses_a_request_and_stays_ready(
    engine: tuple[Worker, WatchedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, _model = engine

    def full(*_args: Any, **_options: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    with monkeypatch.context() as patch:
        patch.setattr(Decoder, "forward", full)
        for _ in range(4):  # more often than the engine tolerates unexpected errors
            with pytest.raises(RequestError, match="no memory left for even a short prompt; close other programs"):
                await read(worker.submit(SHORT))
    assert worker.health().state is EngineState.READY
    (*_, last) = await read(worker.submit(SHORT))
    assert last.finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
