"""What the user sees of the engine: the progress bar of a loading model and the ``infill/status`` notification."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lsprotocol import types

from infill_completion.api import EngineState, Health

if TYPE_CHECKING:
    from infill_server.language_server import InfillServer

log = logging.getLogger(__name__)

STATUS = "infill/status"
# Answers from memory come sooner than a spinner could be seen.
BUSY_AFTER_S = 0.1


class Kind(StrEnum):
    """How things stand."""

    NORMAL = "Normal"
    WARNING = "Warning"
    ERROR = "Error"
    INACTIVE = "Inactive"


@dataclass(frozen=True)
class State:
    """The parameters of ``infill/status``.

    Attributes:
        kind: How things stand.
        busy: Whether a request has been worked on for a while.
        reason: A sentence for the user; empty when all is well.
        model: The engine's model, where it is known.
    """

    kind: Kind = Kind.NORMAL
    busy: bool = False
    reason: str = ""
    model: str = ""


class Status:
    """Sends ``infill/status`` whenever it changes."""

    def __init__(self, server: InfillServer) -> None:
        self._server = server
        self._sent: State | None = None
        self._state = State()
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None

    def say(self, kind: Kind, reason: str = "", *, model: str | None = None) -> None:
        """Change kind and reason, and the model where another one is named."""
        model = self._state.model if model is None else model
        self._change(replace(self._state, kind=kind, reason=reason, model=model))

    def begin(self) -> None:
        """Note that a request is being worked on; shown only when it takes a while."""
        self._running += 1
        if self._running == 1:
            self._timer = asyncio.get_running_loop().call_later(BUSY_AFTER_S, self._show_busy)

    def end(self) -> None:
        """Note that a request has been answered."""
        self._running -= 1
        if self._running == 0:
            if self._timer is not None:
                self._timer.cancel()
            self._change(replace(self._state, busy=False))

    def _show_busy(self) -> None:
        self._change(replace(self._state, busy=True))

    def _change(self, state: State) -> None:
        self._state = state
        if state != self._sent:
            self._sent = state
            self._server.protocol.notify(STATUS, asdict(state))


class LoadProgress:
    """Shows ``$/progress`` while the model loads, in clients that can."""

    def __init__(self, server: InfillServer) -> None:
        self._server = server
        self._health = Health(EngineState.STARTING)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def show(self, health: Health) -> None:
        """Show the engine's state: loading opens the bar, anything final closes it."""
        self._health = health
        self._changed.set()
        if health.state.is_loading and self._is_supported() and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._run(f"infill-load-{uuid.uuid4()}"))

    def close(self) -> None:
        """Give up, at the end of the session."""
        if self._task is not None:
            self._task.cancel()

    def _is_supported(self) -> bool:
        window = self._server.client_capabilities.window
        return window is not None and bool(window.work_done_progress)

    async def _run(self, token: str) -> None:
        progress = self._server.work_done_progress
        try:
            await progress.create_async(token)
        except Exception as error:  # whatever the client had against it
            log.info("the client shows no progress: %s", error)
            return
        progress.begin(
            token, types.WorkDoneProgressBegin(title="Loading the completion model", cancellable=False, percentage=0)
        )
        while self._health.state.is_loading:
            progress.report(token, _report(self._health))
            self._changed.clear()
            await self._changed.wait()
        progress.end(token, types.WorkDoneProgressEnd(message=_closing_words(self._health)))
        progress.tokens.pop(token, None)


def _report(health: Health) -> types.WorkDoneProgressReport:
    percentage = None if health.progress is None else max(0, min(100, round(100 * health.progress)))
    return types.WorkDoneProgressReport(message=health.reason or health.model or None, percentage=percentage)


def _closing_words(health: Health) -> str:
    if health.state is EngineState.READY:
        return f"{health.model} is ready" + (f" on {health.device}" if health.device else "")
    return health.reason or "The model could not be loaded."
