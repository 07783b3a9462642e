"""The state of a remote engine, as it is reported: ready, loading, or failed and left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from infill_completion.api import EngineState, EngineUnavailableError, Health
from infill_completion.client.backoff import Backoff

_RETRY_S = (2.0, 5.0, 15.0, 60.0)


class RemoteState:
    """Reports every change once, however many requests it reaches.

    Args:
        model: The model of the settings, until the server's own name is known.
        on_health: Called with every change.

    Attributes:
        health: The last known state.
    """

    def __init__(self, model: str, on_health: Callable[[Health], None] | None) -> None:
        self.health = Health(EngineState.STARTING, model=model, device="remote")
        self._on_health = on_health or (lambda _health: None)
        self._backoff = Backoff(_RETRY_S)
        self._failure: EngineUnavailableError | None = None

    @property
    def is_resting(self) -> bool:
        """Whether the server failed a moment ago and is not asked unless the user wants it."""
        return self._backoff.is_waiting

    def ready(self, model: str, loss: str) -> None:
        """Report that the server answers; ``loss`` says what its answers lack."""
        self._backoff.succeeded()
        self._failure = None
        self._report(EngineState.READY, loss, loss, model)

    def loading(self, model: str, reason: str) -> None:
        """Report that the server loads its model."""
        self._report(EngineState.LOADING, reason, model=model)

    def failed(self, error: EngineUnavailableError) -> None:
        """Report a failure; the same one again changes nothing."""
        if error is not self._failure:
            self._failure = error
            self._backoff.failed(error.retry_after_s)
            self._report(EngineState.FAILED, str(error), error.kind)

    def _report(self, state: EngineState, reason: str, kind: str = "", model: str = "") -> None:
        model = model or self.health.model
        before, self.health = self.health, replace(self.health, state=state, reason=reason, model=model, kind=kind)
        if before != self.health:
            self._on_health(self.health)
