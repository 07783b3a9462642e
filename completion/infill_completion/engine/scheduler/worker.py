"""The one thread that touches the model: loads it, answers requests in turns, unloads it when idle.

The newest request starts first, because an older one is nearly always from a keystroke that the user has typed past.
Those that have started take turns of one step each, so no window waits for the end of another's answer.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from infill_completion import __version__
from infill_completion.api import CompletionRequest, EngineState, FinishReason, Health
from infill_completion.engine.errors import ModelError
from infill_completion.engine.scheduler.jobs import Job, RequestError
from infill_completion.engine.scheduler.metrics import Metrics, resident_bytes
from infill_completion.engine.scheduler.scheduler import Model, Rota, Turn
from infill_completion.errors import frames_of

log = logging.getLogger(__name__)

# As many unexpected errors in a row mean that the device is lost, as after a CUDA assertion: only a new process helps.
_MOST_FAILURES_IN_A_ROW = 3


Progress = Callable[[float, str], None]
Load = Callable[[Progress], Model]


@dataclass(frozen=True)
class Idle:
    """How long nobody asks before something is given up, in seconds.

    Attributes:
        unload_s: The weights leave memory.
        exit_s: The engine ends.
        failed_exit_s: The engine ends whose model could not be loaded, so that a corrected one can be tried.
    """

    unload_s: float = 900.0
    exit_s: float = 1800.0
    failed_exit_s: float = 30.0


class NotReadyError(Exception):
    """The model cannot answer now; ``health`` says why."""

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
    """

    def __init__(
        self, load: Load, *, model: str = "", idle: Idle | None = None, on_exit: Callable[[str], None] | None = None
    ) -> None:
        self.metrics = Metrics()
        self._load = load
        self._idle = idle or Idle()
        self._on_exit = on_exit or (lambda _reason: None)
        self._changed = threading.Condition()
        self._rota = Rota()
        self._stopping = False
        self._woken = False
        self._failures = 0
        self._last_used = time.monotonic()
        self._clients: dict[str, float] = {}  # when each was heard of last
        self._health = Health(EngineState.STARTING, model=model, pid=os.getpid(), version=__version__)
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def start(self) -> None:
        """Start the thread, which begins with loading the model."""
        self._thread.start()

    def health(self) -> Health:
        """Return the state now."""
        health = self._health
        details = {**health.details, "resident_bytes": resident_bytes(), **self._rota.counts}
        return replace(health, details=details)

    def wake(self) -> None:
        """Load the weights again where they were unloaded, and count as a use."""
        with self._changed:
            self._woken = True
            self._last_used = time.monotonic()
            self._changed.notify()

    def submit(self, request: CompletionRequest, client: str = "") -> Job:
        """Queue ``request`` of ``client``; call it on the event loop.

        Raises:
            NotReadyError: The model is not loaded; unloaded weights begin to load.
        """
        job = Job(request)
        with self._changed:
            self._clients[client] = time.monotonic()
            if self._health.state is not EngineState.READY:
                self.wake()
                raise NotReadyError(self.health())
            self._rota.add(job)
            self._last_used = time.monotonic()
            self._changed.notify()
        return job

    def seen(self, client: str) -> None:
        """Take note that ``client`` has this engine in mind: it follows the load, or has only just opened."""
        with self._changed:
            self._clients[client] = time.monotonic()

    def leave(self, client: str) -> bool:
        """Take note that ``client`` asks no more, and return whether nobody else was heard of lately either."""
        with self._changed:
            self._clients.pop(client, None)
            return all(time.monotonic() - used > self._idle.unload_s for used in self._clients.values())

    def stop(self) -> None:
        """End every request and the thread; call it on the event loop."""
        with self._changed:
            self._stopping = True
            ending = self._rota.jobs()
            self._changed.notify()
        for job in ending:
            job.cancel(RequestError("The engine is shutting down; the next request starts a new one."))

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; False where it is still busy, which a running load can be for long."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # The rest runs on the model thread.

    def _run(self) -> None:
        reason = "The model thread failed; its log says where."
        try:
            reason = self._live()
        except Exception as error:  # a thread that is gone without a word would leave a deaf engine behind
            _log_failure(f"The model thread ended with {type(error).__name__}.", error)
        finally:
            self._on_exit(reason)

    def _live(self) -> str:
        """Load, answer, unload, and again; return why the engine should end."""
        while not self._stopping:
            model = self._loaded()
            if model is None:
                self._wait(self._idle.failed_exit_s)
                return "The model could not be loaded."
            reason = self._serve(model)
            model.close()
            del model
            if reason:
                return reason
            if not self._stopping and not self._sleep_unloaded():
                return f"Nobody asked for {self._idle.exit_s:g} s."
        return "It was told to."

    def _loaded(self) -> Model | None:
        base = replace(self._health, state=EngineState.LOADING, reason="", progress=0.0, details={})
        self._health = base

        def progress(fraction: float, what: str) -> None:
            self._health = replace(base, progress=min(max(fraction, 0.0), 1.0), reason=what)

        started = time.monotonic()
        try:
            model = self._load(progress)
        except Exception as error:  # whatever a library raises, the reason belongs into /health
            reason = _load_failure(error)
            _log_failure(reason, error)
            self._health = replace(base, state=EngineState.FAILED, reason=reason, progress=None)
            return None
        load_s = round(time.monotonic() - started, 3)
        details = {**model.details, "load_s": load_s}
        self._last_used = time.monotonic()
        self._woken = False
        self._health = replace(
            base, state=EngineState.READY, model=model.name, device=model.device, progress=None, details=details
        )
        log.info("%s is ready on %s after %.1f s.", model.name, model.device, load_s)
        return model

    def _serve(self, model: Model) -> str:
        """Answer until idle or stopped; a non-empty reason asks the engine to end."""
        while turn := self._next(model):
            self._advance(turn)
            if self._failures >= _MOST_FAILURES_IN_A_ROW:
                reason = "The model failed several times in a row; the engine ends so that a new one can start."
                self._health = replace(self._health, state=EngineState.FAILED, reason=reason)
                log.error("%s", reason)
                self._refuse_all(reason)
                return reason
        return ""

    def _refuse_all(self, reason: str) -> None:
        with self._changed:
            refused = self._rota.jobs()
            self._rota.clear()
        for job in refused:
            job.put(RequestError(reason))

    def _next(self, model: Model) -> Turn | None:
        """Return whose turn it is; None when idle for too long, or stopped and nothing is left to end."""
        with self._changed:
            while (turn := self._rota.next(model)) is None:
                if self._stopping:
                    return None
                limit = min(self._idle.unload_s, self._idle.exit_s)
                left = self._last_used + limit - time.monotonic()
                if left <= 0:
                    # Under the lock that submit takes to queue, so that no request is queued behind this decision.
                    self._health = replace(self._health, state=EngineState.STARTING, reason=_UNLOADED, details={})
                    log.info("Idle for %.0f s: the weights leave memory.", limit)
                    return None
                self._changed.wait(left)
            return turn

    def _sleep_unloaded(self) -> bool:
        """Wait for a request; False when the engine should end."""
        with self._changed:
            while not (self._woken or self._stopping):
                left = self._last_used + self._idle.exit_s - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            self._woken = False
        return True

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while not self._stopping and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _advance(self, turn: Turn) -> None:
        """Take one step of a request, and see it off where that was its last."""
        outcome = "failed"
        try:
            chunk = next(turn.chunks, _END)
            if chunk is None:
                return
            if not isinstance(chunk, _End):
                if turn.last is None:
                    self.metrics.first_token(time.monotonic() - turn.started)
                turn.last = chunk
                turn.job.put(chunk)
                return
            turn.job.put(None)
            self._failures = 0
            outcome = str((turn.last and turn.last.finish_reason) or FinishReason.CANCELLED)
        except ModelError as error:
            _log_failure(str(error), error)
            turn.job.put(RequestError(str(error)))
        except Exception as error:  # one bad request must not end the engine
            self._failures += 1
            _log_failure(f"A request failed with {type(error).__name__}.", error)
            sentence = f"The engine failed at this request ({type(error).__name__}); its log says where."
            turn.job.put(RequestError(sentence))
        with self._changed:
            self._rota.remove(turn)
            self._last_used = time.monotonic()
        self.metrics.finished(outcome, turn.last.usage if turn.last else None, time.monotonic() - turn.started)


class _End:
    """Stands behind the last chunk."""


_END = _End()
_UNLOADED = "The weights left memory because nobody asked for them; the next request loads them again."


def _load_failure(error: Exception) -> str:
    if isinstance(error, ModelError):
        return str(error)
    first = next(iter(str(error).strip().splitlines()), "")
    return f"The model could not be loaded ({type(error).__name__}: {first}); run `infill-ls doctor`."


def _log_failure(sentence: str, error: BaseException) -> None:
    """Log ``sentence`` and where ``error`` was raised, but not its message, which may quote the prompt."""
    log.error("%s\n%s", sentence, frames_of(error))
