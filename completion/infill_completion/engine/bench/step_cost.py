"""The cost of a decode step by its number of rows, of a prefill by its chunks, and of the kernels of a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.bench.workload import request_of
from infill_completion.engine.checkpoints.devices import synchronize
from infill_completion.engine.model.cuda.capture import WARM_UPS, GraphCapture
from infill_completion.engine.model.cuda.static_step import StaticStep, bucket_of
from infill_completion.engine.model.cuda.step import Step
from infill_completion.engine.model.kv_cache import KVCache

environment.prepare()

_ROWS = (1, 2, 3, 4, 5, 6, 8)
_CHUNKS = (256, 1024, 2048)
_RUNS, _ROUNDS, _TOP = 10, 3, 20


@dataclass(frozen=True)
class StepCost:
    """Milliseconds of a step without reading its result; ``is_graph`` tells whether it was replayed as a CUDA graph."""

    context_tokens: int
    rows: int
    ms: float
    is_graph: bool


@dataclass(frozen=True)
class PrefillTime:
    """Milliseconds of a fresh prompt that is read in chunks: the first time, and the best of the next ones."""

    prompt_tokens: int
    chunk_tokens: int
    first_ms: float
    best_ms: float


@dataclass(frozen=True)
class KernelTime:
    """Microseconds of all calls of one kernel, or on a CPU of one operator, in a step of one row."""

    name: str
    calls: int
    us: float


class StepMeter:
    """Runs static steps of any width on a cache of their own, at one context length."""

    def __init__(self, subject: Subject, context_tokens: int) -> None:
        decoder = subject.generator.model.forward_pass.decoder
        # A step of one row moves on by itself, so leave room for all runs of a round.
        self.index = min(context_tokens, decoder.capacity - _RUNS - WARM_UPS - 2 * max(_ROWS))
        self.cache = KVCache(decoder.kv_shape, decoder.capacity)
        self.bucket = bucket_of(self.index + _RUNS + WARM_UPS + 2 * max(_ROWS), decoder.capacity)
        self._decoder, self._loop = decoder, subject.generator.model.device_loop
        self._capture = GraphCapture(is_possible=decoder.device.type == "cuda")

    def step(self, rows: int) -> tuple[Step, Callable[[], None], bool]:
        """Return a step, how to run it, and whether that replays a graph."""
        step = StaticStep(self._decoder, rows) if self._loop is None else self._loop.new_step(rows)
        self.feed(step)
        run = partial(step.run, self.cache, self.bucket)
        graph = self._capture.record(run) if self._capture.is_on else None
        if graph is None and self._capture.error:
            raise RuntimeError(self._capture.error)
        return step, run if graph is None else graph.replay, graph is not None

    def feed(self, step: Step) -> None:
        """Set the input of a step anew."""
        step.feed([7] * step.width, self.index)

    def cost(self, rows: int) -> StepCost:
        """Measure steps of one width, launched one after the other; the fastest round counts."""
        step, run, is_graph = self.step(rows)
        best = float("inf")
        for _ in range(_ROUNDS):
            self.feed(step)
            best = min(best, _timed_ms(self._decoder.device, lambda: [run() for _ in range(_RUNS)]) / _RUNS)
        return StepCost(self.index, rows, best, is_graph)


@torch.inference_mode()
def step_costs(subject: Subject, context_tokens: int) -> list[StepCost]:
    """Measure steps of 1 to 8 rows."""
    meter = StepMeter(subject, context_tokens)
    return [meter.cost(rows) for rows in _ROWS]


@torch.inference_mode()
def prefill_times(subject: Subject, context_tokens: int) -> list[PrefillTime]:
    """Measure a fresh prompt in chunks of several sizes."""
    generator = subject.generator
    forward_pass = generator.model.forward_pass
    ids = list(generator.model.prompt(request_of(generator, context_tokens, 1)).ids)
    cache, device = KVCache(forward_pass.kv_shape, len(ids)), forward_pass.decoder.device

    def read(chunk: int) -> None:
        for start in range(0, len(ids), chunk):
            forward_pass.prefill(ids[start : start + chunk], cache, start)

    found = []
    for chunk in _CHUNKS:
        first, *more = (_timed_ms(device, partial(read, chunk)) for _ in range(1 + _ROUNDS))
        found.append(PrefillTime(len(ids), chunk, first, min(more)))
    return found


@torch.inference_mode()
def kernel_times(subject: Subject, context_tokens: int) -> list[KernelTime]:
    """Profile one step of one row and return the kernels that take the most time."""
    profiler: Any = torch.profiler
    meter = StepMeter(subject, context_tokens)
    step, run, _ = meter.step(1)
    device = subject.model.device
    activities = [profiler.ProfilerActivity.CUDA if device.type == "cuda" else profiler.ProfilerActivity.CPU]
    meter.feed(step)
    synchronize(device)
    with profiler.profile(activities=activities) as profile:
        run()
        synchronize(device)
    field = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    averages = sorted(profile.key_averages(), key=lambda event: -getattr(event, field))
    return [KernelTime(event.key, event.count, getattr(event, field)) for event in averages[:_TOP]]


def _timed_ms(device: torch.device, work: Callable[[], Any]) -> float:
    synchronize(device)
    started = time.perf_counter()
    work()
    synchronize(device)
    return (time.perf_counter() - started) * 1000
