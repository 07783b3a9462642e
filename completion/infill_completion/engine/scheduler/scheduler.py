"""Whose turn it is on the model: requests that wait, and those that have started and take one step each in turn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.engine.scheduler.jobs import Job


class Model(Protocol):
    """What the worker needs of a loaded model; every method is called on the worker's thread."""

    name: str
    device: str

    @property
    def details(self) -> dict[str, Any]:
        """What ``GET /health`` shows about the model."""
        ...

    @property
    def concurrency(self) -> int:
        """How many requests may be on their way at once, at least one."""
        ...

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk | None]:
        """Yield at least one chunk per token, and poll ``cancelled`` before each.

        None stands where there is nothing to say yet and another request may go first.
        """
        ...

    def close(self) -> None:
        """Free the weights."""
        ...


@dataclass(eq=False)
class Turn:
    """A request that has started; ``started`` is a time of :func:`time.monotonic`."""

    job: Job
    chunks: Iterator[Chunk | None]
    started: float
    last: Chunk | None = None


class Rota:
    """The requests of one worker, which guards it with its lock."""

    def __init__(self) -> None:
        self._waiting: list[Job] = []  # the newest last
        self._running: deque[Turn] = deque()  # the next in turn first

    @property
    def counts(self) -> dict[str, int]:
        """How many requests wait and how many have started."""
        return {"waiting": len(self._waiting), "running": len(self._running)}

    def jobs(self) -> list[Job]:
        """Return all requests."""
        return [*self._waiting, *(turn.job for turn in self._running)]

    def add(self, job: Job) -> None:
        """Let a request wait for its start."""
        self._waiting.append(job)

    def remove(self, turn: Turn) -> None:
        """Take out a request that has ended."""
        self._running.remove(turn)

    def clear(self) -> None:
        """Take out all requests."""
        self._waiting.clear()
        self._running.clear()

    def next(self, model: Model) -> Turn | None:
        """Return whose turn it is, None where there is no request.

        A request that nobody waits for any more comes first, so that it ends and gives its place away; then a new one,
        the newest before older ones; then those that have started, one after another.
        """
        if withdrawn := next((turn for turn in self._running if turn.job.cancelled()), None):
            return withdrawn
        self._waiting = [job for job in self._waiting if not job.cancelled()]
        room = max(0, model.concurrency - len(self._running))
        first = max(0, len(self._waiting) - room)
        starting, self._waiting = self._waiting[first:], self._waiting[:first]
        for job in starting:  # the newest last, so that it comes to stand first
            self._running.appendleft(Turn(job, _stream(model, job), time.monotonic()))
        if not self._running:
            return None
        self._running.rotate(-1)
        return self._running[-1]


def _stream(model: Model, job: Job) -> Iterator[Chunk | None]:
    remaining = job.remaining_ms()
    if remaining is not None and remaining <= 0:
        for index in range(job.request.n):
            usage = Usage() if index == job.request.n - 1 else None
            yield Chunk(index=index, finish_reason=FinishReason.DEADLINE, usage=usage)
        return
    yield from model.steps(replace(job.request, deadline_ms=remaining), job.cancelled)
