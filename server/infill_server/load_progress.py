"""The progress bar (``$/progress``) of a loading model."""

from __future__ import annotations

import asyncio
import logging
import uuid

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_completion.api import EngineState, Health

log = logging.getLogger(__name__)


class LoadProgress:
    """Shows a progress bar while the model loads, in clients that support it."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._health = Health(EngineState.STARTING)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def show(self, health: Health) -> None:
        """Show the engine's state: loading opens the bar, a final state closes it."""
        self._health = health
        self._changed.set()
        if health.state.is_loading and self._is_supported() and (self._task is None or self._task.done()):
            self._task = asyncio.ensure_future(self._run(f"infill-load-{uuid.uuid4()}"))

    def close(self) -> None:
        """Stop at the end of the session."""
        if self._task is not None:
            self._task.cancel()

    def _is_supported(self) -> bool:
        window = self._server.client_capabilities.window
        return window is not None and bool(window.work_done_progress)

    async def _run(self, token: str) -> None:
        progress = self._server.work_done_progress
        try:
            await progress.create_async(token)
        except Exception as error:  # the client may refuse for any reason
            log.info("the client shows no progress: %s", error)
            return
        progress.begin(
            token, types.WorkDoneProgressBegin(title="Loading the completion model", cancellable=False, percentage=0)
        )
        while self._health.state.is_loading:
            progress.report(token, _report(self._health))
            self._changed.clear()
            await self._changed.wait()
        progress.end(token, types.WorkDoneProgressEnd(message=_closing_message(self._health)))
        progress.tokens.pop(token, None)


def _report(health: Health) -> types.WorkDoneProgressReport:
    percentage = None if health.progress is None else max(0, min(100, round(100 * health.progress)))
    return types.WorkDoneProgressReport(message=health.reason or health.model or None, percentage=percentage)


def _closing_message(health: Health) -> str:
    if health.state is EngineState.READY:
        return f"{health.model} is ready" + (f" on {health.device}" if health.device else "")
    return health.reason or "The model could not be loaded."
