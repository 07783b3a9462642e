"""One editor window: its settings, its requests, and the status it shows."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Coroutine
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_completion.api import Engine, EngineState, Health
from infill_completion.document.snapshot import Answer, SkipReason, Snapshot
from infill_server.acceptance import Acceptance
from infill_server.editor_settings import EditorSettings
from infill_server.engine_keeper import EngineKeeper
from infill_server.load_progress import LoadProgress
from infill_server.lsp.documents import DocumentStore
from infill_server.lsp.protocol import log_internal_error
from infill_server.recording.turns import Admit
from infill_server.records.source import answered_by
from infill_server.snooze import Snooze
from infill_server.status import StatusKind, StatusNotifier

if TYPE_CHECKING:
    from pathlib import Path

    from infill_completion.settings import Settings
    from infill_server.configuration import Configuration
    from infill_server.session_recording import SessionRecording

log = logging.getLogger(__name__)

# The same failure opens a message box at most this often.
MESSAGE_INTERVAL_S = 600.0

_INACTIVE = {SkipReason.SWITCHED_OFF, SkipReason.LANGUAGE_OFF, SkipReason.PRIVATE_FILE, SkipReason.BINARY_FILE}
_TRANSIENT = {SkipReason.SUPERSEDED, SkipReason.ENGINE_LOADING}


class Session:
    """The state of one editor window, from ``initialize`` to ``shutdown``.

    Attributes:
        last: The last request that got a final answer, for ``infill.explain``.
        is_started: Whether the settings of all sources have been asked for, and the engine is being started.
        engine: Keeps the engine that fits the settings.
        answers: The number of requests by the source of their answer, for ``infill.statistics``.
        acceptance: What the user saw and took, as the client reports it.
        snooze: Whether automatic suggestions stay away for a while.
        admit: Awaited before each message of the client is processed, while a session is recorded or replayed.
    """

    def __init__(self, server: LanguageServer, documents: DocumentStore, editor_settings: EditorSettings) -> None:
        self.last: Snapshot | None = None
        self.answers: Counter[str] = Counter()
        self.acceptance = Acceptance()
        self.snooze = Snooze(self._show_state)
        self.admit: Admit | None = None
        self._server, self._documents = server, documents
        self._editor_settings = editor_settings
        self.engine = EngineKeeper(documents, lambda: self.settings, self)
        self.is_started = False
        self._status = StatusNotifier(server)
        self._progress = LoadProgress(server)
        self._tasks: set[asyncio.Task[None]] = set()
        self._message_times: dict[str, float] = {}  # when a message box was last shown, by kind of failure

    @cached_property
    def configuration(self) -> Configuration:
        """The layers of settings; imported on first use, which is after ``initialize``."""
        from infill_server.configuration import Configuration

        return Configuration()

    @cached_property
    def _settings_file(self) -> Path:
        """The user's settings file; where it is depends on the environment alone, which does not change."""
        from infill_completion.settings import config_path

        return config_path()

    @cached_property
    def recording(self) -> SessionRecording:
        """The recording of this window; imported on first use."""
        from infill_server.session_recording import SessionRecording

        return SessionRecording(self, self._server, self._documents, self.engine)

    @property
    def settings(self) -> Settings:
        """The current settings."""
        return self.configuration.settings

    @property
    def health(self) -> Health:
        """The engine's last known state."""
        return self.engine.health

    def start(self) -> None:
        """Start an engine that fits the settings, and keep it that way; returns at once."""
        self.is_started = True
        self.spawn(self.engine.run())
        self.engine.check()

    def configured(self) -> None:
        """Apply changed settings; changed engine settings replace the engine."""
        if not self.is_started:
            return
        if (completer := self.engine.completer) is not None:
            completer.configure(self.settings)
        self.engine.check()
        self._show_state()
        if "recording" in self.__dict__:
            self.recording.settings_changed()

    def follow_settings_file(self) -> list[str]:
        """Apply the user's settings file if it has changed, and return new problems; costs one look at the file."""
        if "configuration" not in self.__dict__:  # The session has not started.
            return []
        if not self.configuration.file_has_changed(self._settings_file):
            return []
        problems = self.configuration.read_file(self._settings_file)
        self.configured()
        return problems

    def toggle(self) -> bool:
        """Switch automatic suggestions off or on again and return whether they are on now."""
        enabled = not self.settings.completion.enabled
        self.configuration.switch(enabled=enabled)
        self.configured()
        return enabled

    def restart(self) -> None:
        """End the engine, for all windows, and start it again."""
        self.engine.restart()

    async def record(self, path: Path | None = None) -> dict[str, Any]:
        """Begin to record this window, or end the recording; tell the user and return where the trace is.

        Raises:
            TraceError: It cannot be written.
        """
        return await self.recording.toggle(path)

    async def ask(self, snapshot: Snapshot) -> Answer:
        """Return the completer's answer.

        Raises:
            asyncio.CancelledError: The editor withdrew the request.
        """
        completer = self.engine.completer_for_request()  # first, so that any request keeps the model from learning
        if (unknown := self.unknown_settings(is_current=True)) is not None:
            return Answer(reason=unknown, is_final=False)
        if self.snooze.covers(snapshot):
            self.last = snapshot
            return Answer(reason=SkipReason.SNOOZED)
        if completer is None:
            return Answer(reason=SkipReason.ENGINE_LOADING, is_final=False)
        self._status.request_started()
        try:
            answer = await completer.complete(snapshot)
        except asyncio.CancelledError:
            self.answers["withdrawn"] += 1
            raise
        finally:
            self._status.request_ended()
        self.answers[answered_by(answer)] += 1
        self.engine.answered(snapshot, answer)
        self._show_answer(snapshot, answer)
        return answer

    async def explain(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the explanation of a new answer for ``snapshot`` as JSON."""
        completer = self.engine.completer_for_request()
        if (unknown := self.unknown_settings(is_current=True)) is not None:
            return {"uri": snapshot.uri, "reason": unknown.value}
        if self.snooze.covers(snapshot):
            return {"uri": snapshot.uri, "reason": SkipReason.SNOOZED.value}
        if completer is None:
            return {"uri": snapshot.uri, "reason": SkipReason.ENGINE_LOADING.value}
        explanation = await completer.explain(snapshot)
        return explanation.to_json()

    def engine_for_edits(self) -> tuple[Engine | None, str]:
        """Return the engine for next edits of a model, or None if it must not be asked now, and the model's name."""
        return (None, "") if self.unknown_settings(is_current=True) else self.engine.engine_for_edits()

    def accepted(self, uri: str, text: str) -> None:
        """Report to the completer that the user accepted ``text``."""
        if (completer := self.engine.completer) is not None:
            completer.accepted(uri, text)

    def closed(self, uri: str) -> None:
        """Report to the completer that a document was closed."""
        if (completer := self.engine.completer) is not None:
            completer.closed(uri)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background until it or the session ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def aclose(self) -> None:
        """End all background work; the shared engine keeps running for other windows."""
        self._progress.close()
        self.snooze.close()
        if "recording" in self.__dict__:
            await self.recording.aclose()
        for task in tuple(self._tasks):
            task.cancel()
        await self.engine.aclose()

    def may_connect(self) -> bool:
        """Return whether the engine may be used that the settings name; if not, show why."""
        if (unknown := self.unknown_settings()) is None:
            return True
        log.warning("no connection to the remote engine before all settings are known")
        self._status.show(StatusKind.WARNING, unknown.value)
        return False

    def engine_replaced(self) -> None:
        """Show that another engine is loading."""
        self._message_times.clear()  # after a change, the user wants to see its outcome
        self._status.show(StatusKind.WARNING, SkipReason.ENGINE_LOADING.value)

    def health_changed(self, health: Health) -> None:
        """Show the engine's new state."""
        self._progress.show(health)
        if health.state is EngineState.FAILED:
            self._show_failure(health.reason or SkipReason.ENGINE_FAILED.value, health.kind)
        else:
            self._show_state()
            if health.state is EngineState.READY and health.kind:
                self._show_box(types.MessageType.Warning, health.reason, health.kind)

    def internal_error(self, error: BaseException) -> None:
        """Log and show an internal error."""
        log_internal_error(error)
        self._status.show(StatusKind.ERROR, "The language server had an internal error; see its log.")

    def unknown_settings(self, *, is_current: bool = False) -> SkipReason | None:
        """Return why nothing may be sent to a remote engine yet; with ``is_current``, changed settings are unknown."""
        if self.settings.engine.url is None:
            return None
        if self.configuration.is_file_unknown:
            return SkipReason.SETTINGS_UNREADABLE
        editor = self._editor_settings
        return SkipReason.SETTINGS_AWAITED if (editor.is_awaited if is_current else editor.is_missing) else None

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.internal_error(error)

    def _show_failure(self, reason: str, kind: str = "") -> None:
        self._status.show(StatusKind.ERROR, reason)
        self._show_box(types.MessageType.Error, reason, kind)

    def _show_box(self, level: types.MessageType, sentence: str, kind: str) -> None:
        """Open a message box; an intermittent failure must not open one each time, so they are rate-limited."""
        now = time.monotonic()
        if now - self._message_times.get(kind or sentence, -MESSAGE_INTERVAL_S) >= MESSAGE_INTERVAL_S:
            # A loss of quality lasts until the user ends it, so that once is enough.
            self._message_times[kind or sentence] = now if level is types.MessageType.Error else math.inf
            self._server.window_show_message(types.ShowMessageParams(level, sentence))

    def _show_answer(self, snapshot: Snapshot, answer: Answer) -> None:
        if answer.reason in _TRANSIENT:
            return
        self.last = snapshot
        if answer.reason is SkipReason.ENGINE_FAILED:
            message, kind = answer.details.get("message"), answer.details.get("kind")
            self._show_failure(str(message or answer.reason.value), str(kind or ""))
        elif answer.reason in _INACTIVE:
            self._status.show(StatusKind.INACTIVE, answer.reason.value)
        elif self.health.state is EngineState.READY:
            self._show_state()

    def _show_state(self) -> None:
        """Show the engine's state, or that suggestions are switched off, which takes precedence."""
        state, reason, model = self.health.state, self.health.reason, self.engine.model
        if (unknown := self.unknown_settings()) is not None:
            state, reason = EngineState.STARTING, unknown.value
        if self.snooze.until_s is not None:
            self._status.show(StatusKind.INACTIVE, self.snooze.sentence, model=model)
        elif not self.settings.completion.enabled:
            self._status.show(StatusKind.INACTIVE, SkipReason.SWITCHED_OFF.value, model=model)
        elif state is EngineState.READY:
            self._status.show(StatusKind.NORMAL, reason if self.health.kind else "", model=model)
        elif state is EngineState.FAILED:
            self._status.show(StatusKind.ERROR, reason or SkipReason.ENGINE_FAILED.value)
        else:
            self._status.show(StatusKind.WARNING, reason or SkipReason.ENGINE_LOADING.value)
