"""The model thread's life: it loads the model, answers requests, unloads the model when idle, and ends.

The newest request starts first, because an older one is nearly always from a keystroke that the user has typed past.
Running requests take one step each, round robin, so no window waits for the end of another window's answer.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infill_completion import __version__
from infill_completion.api import CompletionRequest, EngineState, Health, HeldTexts, TextUpdate
from infill_completion.catalog import ModelSpeed
from infill_completion.engine.scheduler.activity import Activity, IdleLimits
from infill_completion.engine.scheduler.device_failures import DeviceFailures
from infill_completion.engine.scheduler.failures import log_failure
from infill_completion.engine.scheduler.job import Job, RequestError
from infill_completion.engine.scheduler.loading import Load, load_model
from infill_completion.engine.scheduler.metrics import Metrics, resident_bytes
from infill_completion.engine.scheduler.request_loop import RequestLoop
from infill_completion.engine.scheduler.scheduler import SchedulableModel, Scheduler, Texts
from infill_completion.engine.scheduler.speed_meter import SpeedMeter

log = logging.getLogger(__name__)

KeepSpeed = Callable[[dict[str, Any], ModelSpeed], None]

_UNLOADED = "The weights were unloaded because the engine was idle; the next request loads them again."


class NotReadyError(Exception):
    """The model cannot answer now; ``health`` gives the reason."""

    def __init__(self, health: Health) -> None:
        super().__init__(health.reason)
        self.health = health


class Worker:
    """Owns the model thread.  All public methods may be called from any thread and never wait for the model.

    Args:
        load: Loads the model; called on the model thread, again after an idle unload.
        model: The model's name until it is loaded.
        idle: When to unload and when to end.
        on_exit: Called on the model thread with a reason, once, when the engine should end.
        device_failures: Remembers for the next engine that the device failed.
        keep_speed: Called now and then, on the model thread, with the details of the loaded model and its speed.

    Attributes:
        metrics: Counters of the requests.
    """

    def __init__(
        self,
        load: Load,
        *,
        model: str = "",
        idle: IdleLimits | None = None,
        on_exit: Callable[[str], None] | None = None,
        device_failures: DeviceFailures | None = None,
        keep_speed: KeepSpeed | None = None,
    ) -> None:
        self.metrics = Metrics()
        self._keep_speed = keep_speed
        self._load = load
        self._idle = idle or IdleLimits()
        self._on_exit = on_exit or (lambda _reason: None)
        self._activity = Activity()
        self._scheduler = Scheduler()
        self._device_failures = device_failures or DeviceFailures()
        self._requests = RequestLoop(self._scheduler, self._activity, self.metrics, self._device_failures)
        self._texts: Texts | None = None  # of the loaded model
        self._clients: dict[str, float] = {}  # when each last made itself known
        self._health = Health(EngineState.STARTING, model=model, pid=os.getpid(), version=__version__)
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    @property
    def is_device_lost(self) -> bool:
        """Whether the device has failed for the rest of this process, so that nothing on it can be freed in order."""
        return self._requests.is_device_lost

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self._health.model

    def start(self) -> None:
        """Start the thread, which begins by loading the model."""
        self._thread.start()

    def health(self) -> Health:
        """Return the current state; it reads a file, after which it may wait for the thread of the model."""
        health = self._health
        details = {**health.details, "resident_bytes": resident_bytes(), **self._scheduler.counts}
        return replace(health, details=details)

    def wake(self) -> None:
        """Load the weights again if they were unloaded; counts as a use."""
        self._activity.wake()

    def submit(self, request: CompletionRequest, client: str = "") -> Job:
        """Queue a request of ``client``; call it on the event loop.

        Raises:
            NotReadyError: The model is not loaded; unloaded weights begin to load.
        """
        job = Job(request)
        with self._activity.changed:
            self.seen(client)
            if self._health.state is not EngineState.READY:
                self.wake()
                raise NotReadyError(self.health())
            self._scheduler.add(job)
            self._activity.use()
        return job

    def hold(self, update: TextUpdate) -> HeldTexts:
        """Update the texts of a workspace; takes a second for a megabyte, on the thread of the caller.

        Raises:
            NotReadyError: The model is not loaded, and is not loaded for this.
        """
        texts = self._texts
        if texts is None:
            raise NotReadyError(self.health())
        return texts.update(update)

    def seen(self, client: str) -> None:
        """Record that ``client`` uses this engine, even before its first request."""
        with self._activity.changed:
            self._clients[client] = time.monotonic()

    def leave(self, client: str) -> bool:
        """Record that ``client`` has left, and return whether no other client was seen recently either."""
        with self._activity.changed:
            self._clients.pop(client, None)
            return all(time.monotonic() - seen > self._idle.unload_s for seen in self._clients.values())

    def stop(self) -> None:
        """End every request and the thread; call it on the event loop."""
        with self._activity.changed:
            self._activity.stop()
            ending = self._scheduler.jobs()
        for job in ending:
            job.cancel(RequestError("The engine is shutting down; the next request starts a new one."))

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; return False if it is still busy, since loading can take long."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # The rest runs on the model thread.

    def _run(self) -> None:
        reason = "The model thread failed; see the log."
        try:
            reason = self._live()
        except Exception as error:  # a thread that ended silently would leave an engine that never answers
            log_failure(f"The model thread ended with {type(error).__name__}.", error)
        finally:
            self._on_exit(reason)

    def _live(self) -> str:
        """Load, answer, unload, and start over; return why the engine should end."""
        while not self._activity.is_stopping:
            model = self._load_model()
            if model is None:
                self._activity.wait_for_stop(self._idle.failed_exit_s)
                return "The model could not be loaded."
            self._texts = model.texts
            if problem := self._requests.run(
                model, self._unload_after_s, self._announce_unload, self._meter(), settle_s=self._idle.settle_s
            ):
                self._give_up(problem)
            self._texts = None
            if self.is_device_lost:  # to free memory there would fail too
                return problem
            model.close()
            del model
            if problem:
                return problem
            if not self._activity.is_stopping and not self._activity.wait_for_wake(self._idle.exit_s):
                return f"No request for {self._idle.exit_s:g} s."
        return "It was told to stop."

    def _load_model(self) -> SchedulableModel | None:
        model, health = load_model(self._load, self._health, self._publish, self._device_failures)
        if model is not None:
            self._activity.restart()
        self._publish(health)
        return model

    def _meter(self) -> SpeedMeter:
        """Return a new meter for the model that was just loaded."""
        keep, details = self._keep_speed, self._health.details
        return SpeedMeter(None if keep is None else lambda speed: keep(details, speed))

    def _publish(self, health: Health) -> None:
        self._health = health

    @property
    def _unload_after_s(self) -> float:
        return min(self._idle.unload_s, self._idle.exit_s)

    def _announce_unload(self) -> None:
        self._publish(replace(self._health, state=EngineState.STARTING, reason=_UNLOADED, details={}))
        log.info("Idle for %.0f s: unloading the weights.", self._unload_after_s)

    def _give_up(self, reason: str) -> None:
        self._publish(replace(self._health, state=EngineState.FAILED, reason=reason))
        log.error("%s", reason)
        self._requests.refuse_all(reason)
