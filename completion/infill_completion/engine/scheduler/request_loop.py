"""The loop that answers requests with a loaded model, one step after another."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from infill_completion.api import Chunk, FinishReason
from infill_completion.engine.errors import ModelError, is_device_lost, is_ending
from infill_completion.engine.scheduler.activity import Activity
from infill_completion.engine.scheduler.device_failures import DeviceFailures
from infill_completion.engine.scheduler.failures import log_failure
from infill_completion.engine.scheduler.job import RequestError
from infill_completion.engine.scheduler.metrics import Metrics
from infill_completion.engine.scheduler.scheduler import RunningJob, SchedulableModel, Scheduler
from infill_completion.engine.scheduler.speed_meter import SpeedMeter

# So many unexpected errors in a row mean that the device is lost, whatever its errors say; only a new process helps.
_MAX_FAILURES_IN_A_ROW = 3
_FAILED = "The model failed several times in a row; the engine ends so that a new one can start."


class RequestLoop:
    """Takes the steps of all requests, on the model thread.

    Args:
        scheduler: Decides which request takes the next step; guarded by ``activity``.
        activity: When to stop, and how long the engine has been idle.
        metrics: Counts the requests.
        device_failures: Where the loss of the device is recorded.

    Attributes:
        is_device_lost: Whether the device has failed for the rest of this process.
    """

    def __init__(
        self, scheduler: Scheduler, activity: Activity, metrics: Metrics, device_failures: DeviceFailures
    ) -> None:
        self._scheduler, self._activity, self._metrics = scheduler, activity, metrics
        self._device_failures = device_failures
        self._failures = 0
        self._end = ""
        self._is_settled = False
        self._meter = SpeedMeter()
        self.is_device_lost = False

    def run(
        self,
        model: SchedulableModel,
        idle_s: float,
        on_idle: Callable[[], None],
        meter: SpeedMeter | None = None,
        *,
        settle_s: float = math.inf,
    ) -> str:
        """Answer requests until the engine is stopped or has been idle for ``idle_s``.

        Args:
            model: Answers them.
            idle_s: Maximum time without a use, in seconds.
            on_idle: Called when that time is over, under the lock that adding a request takes, so that no request is
                added after the decision.
            meter: Measures the model's speed.
            settle_s: Time without a use after which the model settles, in seconds.

        Returns:
            Why only a new process helps, as a sentence; empty if this one can go on.
        """
        self._meter = meter or SpeedMeter()
        while not self._end and (running := self._next(model, idle_s, on_idle, settle_s)):
            self._step(running)
        self._meter.save()
        return self._end

    def refuse_all(self, reason: str) -> None:
        """End all requests with an error."""
        with self._activity.changed:
            refused = self._scheduler.jobs()
            self._scheduler.clear()
        for job in refused:
            job.put(RequestError(reason))

    def _next(
        self, model: SchedulableModel, idle_s: float, on_idle: Callable[[], None], settle_s: float
    ) -> RunningJob | None:
        """Return the request that takes the next step; None when idle for too long, or stopped and all have ended."""
        with self._activity.changed:
            while (running := self._scheduler.next(model)) is None:
                if self._scheduler.is_running:
                    self._activity.changed.wait(self._scheduler.rest_s())
                    continue
                if self._activity.is_stopping:
                    return None
                remaining = self._activity.remaining_s(idle_s)
                if remaining <= 0:
                    on_idle()
                    return None
                until_settled = math.inf if self._is_settled else self._activity.remaining_s(settle_s)
                if until_settled > 0:
                    self._activity.changed.wait(min(remaining, until_settled))
                else:
                    self._is_settled = True
                    model.settle()
            self._is_settled = False
            return running

    def _step(self, running: RunningJob) -> None:
        """Take one step of a request, and remove the request if that was its last."""
        outcome = "failed"
        end: RequestError | None = None
        try:
            chunk = next(running.chunks)
            if chunk is not None and chunk.finish_reason is not None and running.job.request.n == 1:
                self._deliver(running, chunk)  # its end follows at once
                chunk = next(running.chunks)
        except StopIteration:
            self._failures = 0
            outcome = str((running.last and running.last.finish_reason) or FinishReason.CANCELLED)
        except ModelError as error:
            log_failure(str(error), error)
            end = RequestError(str(error))
        except BaseException as error:  # one bad request must not end the engine, nor a library's panic
            if is_ending(error):
                raise
            end = RequestError(self._failed(error))
        else:
            self._deliver(running, chunk)
            return
        self._finish(running, outcome)
        running.job.put(end)

    def _finish(self, running: RunningJob, outcome: str) -> None:
        """Remove and count a request, before its client learns of the end and may look at the counters."""
        with self._activity.changed:
            self._scheduler.remove(running)
            self._activity.use()
        usage = running.last.usage if running.last else None
        if running.last is not None and running.is_alone and running.job.request.n == 1:
            self._meter.add(running.last)
        self._metrics.finished(outcome, usage, time.monotonic() - running.started)

    def _failed(self, error: BaseException) -> str:
        """Log an unexpected error, and return the sentence for the user; decide whether the engine has to end."""
        name = type(error).__name__
        if is_device_lost(error):  # its message is the driver's: no text of a user ever reaches a device
            self.is_device_lost = True
            self._end = self._device_failures.record(error)
            log_failure(f"{name}: {self._end}", error)
            return self._end
        self._failures += 1
        if self._failures >= _MAX_FAILURES_IN_A_ROW:
            self._end = _FAILED
        log_failure(f"A request failed with {name}.", error)
        return f"The engine failed on this request ({name}); see its log."

    def _deliver(self, running: RunningJob, chunk: Chunk | None) -> None:
        if chunk is None:
            return
        if running.last is None:
            self._metrics.first_token(time.monotonic() - running.started)
        running.wrote(chunk, time.monotonic())
        running.job.put(chunk)
