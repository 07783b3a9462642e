"""Rows from many processes: they fill slots of shared memory, and the trainer takes them in the order they are ready.

Only pipes and anonymous shared memory are used, which every Linux has: the numbers of free and of full slots travel
through two pipes, one byte each.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import signal
import traceback
from types import TracebackType
from typing import Protocol

import numpy as np

from training.rows import Ids

SLOTS = 64
MAX_FAILURES = 20
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def _end_with_parent() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class RowSource(Protocol):
    """Makes rows of ``length + 1`` numbers of 16 bits."""

    @property
    def length(self) -> int:
        """How long they are, less one."""
        ...

    def rows(self, count: int, seed: str) -> Ids:
        """Return ``count`` rows, ``(count, length + 1)``; the same seed gives the same rows."""
        ...


class Feeder:
    """Worker processes that make rows; create it before CUDA is used and before any thread exists.

    Args:
        maker: Makes the rows.
        rows: Rows of a slot.
        workers: Processes.
        seed: Distinguishes runs.
    """

    def __init__(self, maker: RowSource, rows: int, workers: int, seed: int) -> None:
        shape = (SLOTS, rows, maker.length + 1)
        self._memory = mmap.mmap(-1, 2 * int(np.prod(shape)))
        self._slots = np.frombuffer(self._memory, np.uint16).reshape(shape)
        self._free, give = os.pipe()
        self._full, self._done = os.pipe()
        self._give = give
        os.write(give, bytes(range(SLOTS)))
        self._children = [self._start(maker, f"{seed}-{worker}") for worker in range(workers)]
        os.close(self._done)  # so that reading ends if no worker is left

    def _start(self, maker: RowSource, seed: str) -> int:
        child = os.fork()
        if child:
            return child
        try:
            _end_with_parent()
            os.nice(5)
            self._work(maker, seed)
        finally:
            os._exit(1)

    def _work(self, maker: RowSource, seed: str) -> None:
        number = failures = 0
        while slot := os.read(self._free, 1):
            while True:
                number += 1
                try:
                    self._slots[slot[0]] = maker.rows(self._slots.shape[1], f"{seed}-{number}")
                    break
                except Exception:
                    failures += 1
                    traceback.print_exc()
                    if failures > MAX_FAILURES:
                        return
            os.write(self._done, slot)

    def next(self) -> Ids:
        """Return a copy of the next rows, ``(rows, length + 1)``; waits for them.

        Raises:
            RuntimeError: All workers have failed.
        """
        slot = os.read(self._full, 1)
        if not slot:
            raise RuntimeError("No worker is left to make rows; their errors are above.")
        rows: Ids = self._slots[slot[0]].copy()
        os.write(self._give, slot)
        return rows

    def __enter__(self) -> Feeder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in self._children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
