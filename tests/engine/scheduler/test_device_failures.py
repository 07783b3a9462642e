"""A device that is lost ends its engine, once with a new start and then with a clear state."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.api import Chunk, CompletionRequest, EngineState, FinishReason
from infill_completion.engine.environment import OWN_KERNELS
from infill_completion.engine.errors import is_device_lost, is_out_of_memory
from infill_completion.engine.ngram.text_store import TextStore
from infill_completion.engine.scheduler.device_failures import WINDOW_S, DeviceFailures
from infill_completion.engine.scheduler.job import Job, RequestError
from infill_completion.engine.scheduler.worker import NotReadyError, Worker

DEADLINE_S = 60.0
ILLEGAL = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported asynchronously."


class Scripted:
    """A model that raises an error after the first token of each request."""

    name, device, concurrency = "scripted", "cuda", 2
    details: dict[str, Any] = {}  # noqa: RUF012
    texts = TextStore(lambda _text: [], 1)

    def __init__(self, error: BaseException) -> None:
        self.error, self.is_closed = error, False

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk | None]:
        yield Chunk(0, "x")
        if request.prefix == "fails":
            raise self.error
        while not cancelled():
            yield None
        yield Chunk(0, finish_reason=FinishReason.CANCELLED)

    def settle(self) -> None:
        raise AssertionError("not idle for long enough")

    def close(self) -> None:
        self.is_closed = True


async def started(error: BaseException, failures: DeviceFailures) -> tuple[Worker, Scripted, list[str]]:
    model, ends = Scripted(error), list[str]()
    worker = Worker(lambda progress: model, on_exit=ends.append, device_failures=failures)
    worker.start()
    async with asyncio.timeout(DEADLINE_S):
        while worker.health().state in {EngineState.STARTING, EngineState.LOADING}:
            await asyncio.to_thread(worker.join, 0.01)
    return worker, model, ends


class Panic(BaseException):
    """What a library in Rust raises: no `Exception`."""


async def failure_of(job: Job) -> str:
    with pytest.raises(RequestError) as failed:
        async for _ in job.chunks():
            pass
    return str(failed.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError(ILLEGAL),
        RuntimeError(ILLEGAL),
        torch.AcceleratorError("CUDA error: device-side assert triggered"),
        torch.AcceleratorError("CUDA error: unspecified launch failure"),
        RuntimeError("CUDA error: unknown error"),
        RuntimeError("CUDA cannot launch (CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered)."),
        RuntimeError("HIP error: an illegal memory access was encountered"),
        RuntimeError("level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)"),
    ],
    ids=str,
)
async def test_a_lost_device_ends_the_engine_after_one_request(error: Exception) -> None:
    worker, model, ends = await started(error, DeviceFailures())
    other = worker.submit(CompletionRequest("other"))
    sentence = await failure_of(worker.submit(CompletionRequest("fails")))
    assert sentence.startswith("The device failed (")
    assert sentence.endswith("; the next request starts a new engine.")
    assert "\n" not in sentence
    assert await failure_of(other) == sentence
    assert await asyncio.to_thread(worker.join, DEADLINE_S)
    assert worker.is_device_lost
    assert ends == [sentence]
    assert not model.is_closed  # nothing can be freed there
    with pytest.raises(NotReadyError, match="the next request starts a new engine"):
        worker.submit(CompletionRequest("late"))


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: out of memory"),
        torch.OutOfMemoryError("CUDA out of memory."),
        torch.AcceleratorError("CUDA error: invalid argument"),
        torch.AcceleratorError("CUDA error: operation not permitted when stream is capturing"),
        RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
        ValueError("an illegal memory access"),
        Panic("range end index 3 out of range"),
    ],
    ids=str,
)
async def test_other_errors_concern_one_request(error: BaseException) -> None:
    assert not is_device_lost(error)
    worker, model, ends = await started(error, DeviceFailures())
    assert "see its log" in await failure_of(worker.submit(CompletionRequest("fails")))
    assert worker.health().state is EngineState.READY
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)
    assert ends == ["It was told to stop."]
    assert model.is_closed


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: out of memory",
        "MPS backend out of memory (max allowed: 9.07 GB).",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`",
    ],
)
def test_memory_that_other_libraries_ask_for_may_run_out_too(message: str) -> None:
    assert is_out_of_memory(RuntimeError(message))
    assert not is_device_lost(RuntimeError(message))


@pytest.mark.parametrize(("age_s", "expected"), [(None, "1"), (5.0, "0"), (WINDOW_S + 5, "1")])
async def test_the_start_after_a_failure_does_without_own_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_s: float | None, expected: str
) -> None:
    monkeypatch.setenv(OWN_KERNELS, "1")
    now = 1000.0
    failures = DeviceFailures(tmp_path / "failures", lambda: now)
    if age_s is not None:
        failures.record(torch.AcceleratorError(ILLEGAL))
        now += age_s
    worker, _, _ = await started(RuntimeError(), failures)
    assert worker.health().state is EngineState.READY
    assert os.environ[OWN_KERNELS] == expected
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)


async def test_after_the_second_failure_the_device_is_left_alone_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OWN_KERNELS, "1")  # which the start after a failure changes
    now = 1000.0
    failures = DeviceFailures(tmp_path / "failures", lambda: now)
    error = torch.AcceleratorError(ILLEGAL)
    for beginning in ("The device failed (CUDA error: an illegal", "The device failed again (CUDA error: an illegal"):
        worker, _, _ = await started(error, failures)
        assert worker.health().state is EngineState.READY
        sentence = await failure_of(worker.submit(CompletionRequest("fails")))
        assert sentence.startswith(beginning)
        assert await asyncio.to_thread(worker.join, DEADLINE_S)
        now += 60
    worker, _, _ = await started(error, failures)
    assert worker.health().state is EngineState.FAILED
    assert worker.health().reason == (
        "The device failed 2 times; set engine.device to `cpu`, or update the device's driver or restart the machine, "
        "and then the engine; otherwise it is tried again in 8 min."
    )
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)
    now += WINDOW_S
    assert failures.problem() == ""
    assert "starts a new engine" in failures.record(error)


async def load_failure(worker: Worker) -> str:
    """Start a worker whose model cannot be loaded, and return why it could not."""
    worker.start()
    async with asyncio.timeout(DEADLINE_S):
        while (health := worker.health()).state is not EngineState.FAILED:
            await asyncio.to_thread(worker.join, 0.01)
    worker.stop()
    assert await asyncio.to_thread(worker.join, DEADLINE_S)
    return health.reason


async def test_a_device_that_is_lost_while_the_model_loads_is_reported_too(tmp_path: Path) -> None:
    def load(progress: Any) -> Any:
        raise torch.AcceleratorError(ILLEGAL)

    reason = await load_failure(Worker(load, device_failures=DeviceFailures(tmp_path / "failures")))
    assert "illegal memory access was encountered); the next request starts a new engine." in reason


async def test_a_panic_while_the_model_loads_is_reported() -> None:
    def load(_progress: object) -> Scripted:
        raise Panic("range end index 3 out of range")

    reason = await load_failure(Worker(load))
    assert "could not be loaded (Panic: range end index 3 out of range)" in reason


@pytest.mark.parametrize("text", ["", "yesterday\n", "nan\n", "1e999\n", "\xff"])
def test_a_damaged_file_counts_as_no_failure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "failures"
    path.write_text(text, encoding="latin-1")
    assert DeviceFailures(path).problem() == ""


def test_a_file_that_cannot_be_written_changes_no_sentence(tmp_path: Path) -> None:
    failures = DeviceFailures(tmp_path / "missing" / "failures")
    assert "starts a new engine" in failures.record(RuntimeError(ILLEGAL))
