"""Captures steps as CUDA graphs, and reports what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

log = logging.getLogger(__name__)

WARM_UPS = 2  # libraries allocate their workspaces in the first runs, which a capture does not allow


@cache
def _side_stream(device: int) -> Any:
    """Return the stream that all captures of a device share.

    cuBLAS keeps a workspace, 32 MiB on Hopper, for every stream that it has ever seen, even after a model is closed.
    """
    cuda: Any = torch.cuda  # parts of it have no types
    return cuda.Stream(device)


class GraphCapture:
    """Captures graphs that share one memory pool, on the current device's side stream; one capture at a time.

    Args:
        is_possible: Whether the device can capture; nothing of CUDA is touched otherwise.

    Attributes:
        is_on: Whether steps are captured; off after the first failure.
        graphs: Graphs captured so far.
        seconds: Time that captures took, trial runs included.
        error: Why a capture failed; empty if none did.
    """

    def __init__(self, *, is_possible: bool) -> None:
        cuda: Any = torch.cuda  # parts of it have no types
        self.is_on = is_possible
        self.graphs = 0
        self.seconds = 0.0
        self.error = ""
        self._pool = cuda.graph_pool_handle() if is_possible else None
        self._stream = _side_stream(cuda.current_device()) if is_possible else None

    def record(self, run: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
        """Return ``run`` as a graph, or None if it cannot be captured, which is logged once and turns captures off.

        ``run`` is called several times, and must only use tensors that stay where they are.
        """
        started, cuda = time.perf_counter(), torch.cuda
        current = cuda.current_stream()
        graph = cuda.CUDAGraph()
        try:
            self._warm_up(run, current)
            with cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
                run()
        except RuntimeError as error:  # a kernel that cannot be captured, or no memory for the graph
            self._turn_off(error)
            return None
        finally:
            # A capture that fails at its end leaves the thread on its stream.
            cuda.set_stream(current)
            self.seconds += time.perf_counter() - started
        self.graphs += 1
        return graph

    def _warm_up(self, run: Callable[[], None], current: Any) -> None:
        assert self._stream is not None
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                run()
        current.wait_stream(self._stream)

    def _turn_off(self, error: RuntimeError) -> None:
        self.is_on = False
        self.error = f"{type(error).__name__}: {error}"
        # The message is CUDA's or torch's: no text of a user ever reaches a kernel.
        log.warning("CUDA graphs are off: capturing failed.", exc_info=error)
