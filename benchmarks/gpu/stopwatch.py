"""Times operations on a device: replayed as a graph on CUDA, else called one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch

from infill_completion.engine.checkpoints.devices import synchronize
from infill_completion.engine.model.cuda.capture import GraphCapture

environment.prepare()

_REPLAYS = 5


class DeviceStopwatch:
    """Times work on one device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._capture = GraphCapture(is_possible=device.type == "cuda")

    def first_ms(self, work: Callable[[], Any]) -> float:
        """Return the milliseconds of one call, until the device has finished it."""
        synchronize(self._device)
        started = time.perf_counter()
        work()
        synchronize(self._device)
        return (time.perf_counter() - started) * 1000

    def us(self, works: Sequence[Callable[[], Any]]) -> float:
        """Return the microseconds of one of ``works``, run in turn; the fastest of several rounds counts.

        Raises:
            RuntimeError: The work fails, or cannot be captured.
        """

        def all_of_them() -> None:
            for work in works:
                work()

        run: Callable[[], None] = all_of_them
        if self._device.type == "cuda":
            graph = self._capture.record(all_of_them)
            if graph is None:
                raise RuntimeError(self._capture.error)
            run = graph.replay
        return min(self.first_ms(run) for _ in range(_REPLAYS)) * 1000 / len(works)
