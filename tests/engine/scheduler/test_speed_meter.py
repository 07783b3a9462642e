"""The speed of a model, measured from its answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, EngineState, Usage
from infill_completion.catalog import ModelSpeed
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.scheduler.speed_meter import SpeedMeter
from infill_completion.engine.scheduler.worker import Worker
from infill_completion.settings import EngineSettings

DEADLINE_S = 60.0


def answer(prompt: int, cached: int, tokens: int, prefill_ms: float, decode_ms: float) -> Chunk:
    return Chunk(usage=Usage(prompt, cached, tokens), timings={"prefill_ms": prefill_ms, "decode_ms": decode_ms})


def test_the_median_answer_counts() -> None:
    kept: list[ModelSpeed] = []
    meter = SpeedMeter(kept.append)
    meter.add(answer(500, 0, 10, 1000.0, 100.0))  # a whole prompt: 500 tokens a second
    for decode_ms in (200.0, 200.0, 200.0, 9000.0, 200.0, 1.0, 200.0):
        meter.add(answer(510, 500, 10, 3.0, decode_ms))
    assert meter.speed == ModelSpeed(20.0, 500.0, is_measured=True)
    assert kept == []
    meter.save()
    meter.save()
    assert kept == [ModelSpeed(20.0, 500.0, is_measured=True)]


def test_answers_that_say_little_do_not_count() -> None:
    meter = SpeedMeter()
    for _ in range(20):
        meter.add(Chunk())
        meter.add(answer(500, 499, 1, 1.0, 1.0))  # a single token
        meter.add(answer(500, 0, 10, 0.0, 0.0))
    assert meter.speed is None
    meter.save()


async def test_the_worker_keeps_the_speed_of_what_it_answered_alone(tiny_folder: Path) -> None:
    kept: list[tuple[dict[str, Any], ModelSpeed]] = []
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="none")
    # A model of its own: the worker closes it.
    worker = Worker(lambda progress: Generator.load(settings, progress), keep_speed=lambda *what: kept.append(what))
    worker.start()
    try:
        async with asyncio.timeout(DEADLINE_S):
            while worker.health().state is not EngineState.READY:
                await asyncio.to_thread(worker.join, 0.01)
            for number in range(40):
                prefix = f"# {number}\n" + "x = compute(y, z)\n" * 30
                job = worker.submit(CompletionRequest(prefix=prefix, max_tokens=8, temperature=0.0))
                async for _ in job.chunks():
                    pass
    finally:
        worker.stop()
        await asyncio.to_thread(worker.join, DEADLINE_S)
    details, speed = kept[-1]
    assert details["quantization"] == "none"
    assert details["device"] == "cpu"
    assert speed.is_measured
    assert speed.step_ms > 0
    assert speed.prefill_tokens_per_s > 0
