"""Capturing steps as graphs, with a CUDA runtime that only keeps a record of its calls."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch

from infill_completion.engine.model.cuda import capture
from infill_completion.engine.model.cuda.capture import WARM_UPS, GraphCapture


class Stream:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        runtime.streams.append(self)

    def wait_stream(self, other: Stream) -> None:
        self.runtime.waits.append((self, other))


class Runtime:
    """The parts of ``torch.cuda`` that a capture uses."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.waits: list[tuple[Stream, Stream]] = []
        self.captured_on: list[Stream] = []
        self.failure: RuntimeError | None = None
        self.current = Stream(self)

    def current_stream(self) -> Stream:
        return self.current

    def set_stream(self, stream: Stream) -> None:
        self.current = stream

    @contextlib.contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    @contextlib.contextmanager
    def graph(self, graph: object, *, pool: object, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        """Begin and end a capture; like torch, stay on the capture's stream when its end fails."""
        before, self.current = self.current, stream
        self.captured_on.append(stream)
        yield
        if self.failure is not None:
            raise self.failure
        self.current = before


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    runtime = Runtime()
    replaced: dict[str, Any] = {
        "Stream": lambda device: Stream(runtime),
        "current_device": lambda: 0,
        "CUDAGraph": object,
        "graph_pool_handle": object,
    }
    for name in ("current_stream", "set_stream", "stream", "graph"):
        replaced[name] = getattr(runtime, name)
    for name, value in replaced.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(capture, "_side_stream", cache(capture._side_stream.__wrapped__))
    return runtime


def test_all_captures_share_one_side_stream(runtime: Runtime) -> None:
    """Also those of another model, or of another measurement."""
    main, runs, captures = runtime.current, [], [GraphCapture(is_possible=True) for _ in range(2)]
    for made in captures * 3:
        assert made.record(lambda: runs.append(runtime.current)) is not None
    side = runtime.captured_on[0]
    assert runtime.streams == [main, side]
    assert runs == [side] * 6 * (WARM_UPS + 1)
    assert runtime.captured_on == [side] * 6
    assert runtime.current is main
    assert [(made.graphs, made.error) for made in captures] == [(3, "")] * 2
    assert captures[0].seconds > 0


def test_the_trial_runs_wait_for_the_work_before_them_and_are_waited_for(runtime: Runtime) -> None:
    main = runtime.current
    GraphCapture(is_possible=True).record(lambda: None)
    side = runtime.captured_on[0]
    assert runtime.waits == [(side, main), (main, side)]


def test_a_failed_capture_is_reported_and_leaves_its_stream(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    made, main = GraphCapture(is_possible=True), runtime.current
    runtime.failure = RuntimeError("operation not permitted when stream is capturing")
    with caplog.at_level(logging.WARNING):
        assert made.record(lambda: None) is None
    assert runtime.current is main
    assert not made.is_on
    assert (made.graphs, made.error) == (0, "RuntimeError: operation not permitted when stream is capturing")
    assert "operation not permitted" in caplog.text


def test_a_step_that_fails_in_its_trial_run_is_reported_too(runtime: Runtime) -> None:
    def step() -> None:
        raise RuntimeError("out of memory")

    made, main = GraphCapture(is_possible=True), runtime.current
    assert made.record(step) is None
    assert made.error == "RuntimeError: out of memory"
    assert runtime.current is main


def test_without_a_device_nothing_of_cuda_is_touched() -> None:
    made = GraphCapture(is_possible=False)
    assert not made.is_on
    assert made.error == ""
