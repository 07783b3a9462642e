"""Request scheduler: decides which request takes the next step on the model."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from infill_completion.api import Chunk, CompletionRequest, FinishReason, HeldTexts, TextUpdate, Usage
from infill_completion.engine.scheduler.job import Job

# After the line that it asked for, a client ends its request within this time; until then a step is likely in vain, and
# keeps the client waiting for the line, because both threads need the interpreter.
REST_S = 0.003


class Texts(Protocol):
    """The texts of workspaces that a model counts; every method may be called on any thread."""

    def update(self, update: TextUpdate) -> HeldTexts:
        """Add, replace and remove texts, and return what is held then."""
        ...


class SchedulableModel(Protocol):
    """The interface of a loaded model; every method is called on the model thread, except those of :attr:`texts`."""

    name: str
    device: str

    @property
    def details(self) -> dict[str, Any]:
        """What ``GET /health`` shows about the model."""
        ...

    @property
    def concurrency(self) -> int:
        """How many requests may run at once, at least one."""
        ...

    @property
    def texts(self) -> Texts:
        """The texts of workspaces; forgotten with the model."""
        ...

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk | None]:
        """Yield at least one chunk per token, and poll ``cancelled`` before each.

        None means that there is no text yet and another request may take a step.
        """
        ...

    def settle(self) -> None:
        """Give memory that only running requests need back to the system; called after a while without requests."""
        ...

    def close(self) -> None:
        """Free the weights."""
        ...


@dataclass(eq=False)
class RunningJob:
    """A request that has started.

    Attributes:
        job: The request.
        chunks: Its remaining steps.
        started: When it started, as :func:`time.monotonic`.
        last: Its last chunk so far.
        is_alone: Whether no other request ran beside it so far, so that its timings say how fast the model is.
        has_text: Whether it has written anything but blanks.
        rests_until: When it takes its next step at the earliest.
    """

    job: Job
    chunks: Iterator[Chunk | None]
    started: float
    last: Chunk | None = None
    is_alone: bool = True
    has_text: bool = False
    rests_until: float = 0.0

    def wrote(self, chunk: Chunk, now: float) -> None:
        """Record the newest chunk; after the end of the only line that is wanted, the request rests."""
        self.last = chunk
        self.has_text = self.has_text or bool(chunk.text.strip())
        if self.job.request.one_line and self.has_text and "\n" in chunk.text:
            self.rests_until = now + REST_S


class Scheduler:
    """The waiting and running requests of one worker; guarded by the worker's lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[Job] = []  # the newest last
        self._running: deque[RunningJob] = deque()  # in the order of their next steps

    @property
    def counts(self) -> dict[str, int]:
        """Number of waiting and running requests."""
        return {"waiting": len(self._waiting), "running": len(self._running)}

    def jobs(self) -> list[Job]:
        """Return all requests."""
        return [*self._waiting, *(running.job for running in self._running)]

    @property
    def is_running(self) -> bool:
        """Whether any request is running; those for which :meth:`next` finds no step rest."""
        return bool(self._running)

    def rest_s(self) -> float:
        """Return for how long all running requests rest, in seconds; 0 where none is running."""
        return max(0.0, min((one.rests_until for one in self._running), default=0.0) - self._clock())

    def add(self, job: Job) -> None:
        """Add a request, which waits until :meth:`next` starts it."""
        self._waiting.append(job)

    def remove(self, running: RunningJob) -> None:
        """Remove a request that has ended."""
        self._running.remove(running)

    def clear(self) -> None:
        """Remove all requests."""
        self._waiting.clear()
        self._running.clear()

    def next(self, model: SchedulableModel) -> RunningJob | None:
        """Return the request that takes the next step, or None where there is no request, or all rest.

        A cancelled request comes first, so that it ends and frees its slot; then a new one, the newest before older
        ones; then the running ones, round robin. Requests that nobody waits for yet start and go on only while there
        are no others.
        """
        if cancelled := next((running for running in self._running if running.job.cancelled()), None):
            return cancelled
        self._waiting = [job for job in self._waiting if not job.cancelled()]
        self._start(model)
        if len(self._running) > 1:
            for running in self._running:
                running.is_alone = False
        now = self._clock()
        awake = [one for one in self._running if one.rests_until <= now]
        chosen = next((one for one in awake if not one.job.request.ahead), None)
        chosen = chosen or next(iter(awake), None)
        if chosen is not None:
            self._running.remove(chosen)
            self._running.append(chosen)
        return chosen

    def _start(self, model: SchedulableModel) -> None:
        """Start waiting requests while there is room; one that somebody waits for finds room beside those ahead."""
        wanted = [job for job in self._waiting if not job.request.ahead]
        running = [one for one in self._running if not one.job.request.ahead]
        if not wanted and not running:
            wanted, running = self._waiting, list(self._running)
        room = max(0, model.concurrency - len(running))
        starting = wanted[max(0, len(wanted) - room) :]
        for job in starting:  # the newest last, so that it ends up first
            self._waiting.remove(job)
            self._running.appendleft(RunningJob(job, _steps(model, job), time.monotonic()))


def _steps(model: SchedulableModel, job: Job) -> Iterator[Chunk | None]:
    remaining = job.remaining_ms()
    if remaining is not None and remaining <= 0:
        for index in range(job.request.n):
            usage = Usage() if index == job.request.n - 1 else None
            yield Chunk(index=index, finish_reason=FinishReason.DEADLINE, usage=usage)
        return
    yield from model.steps(replace(job.request, deadline_ms=remaining), job.cancelled)
