"""Keeps one editor window connected to an engine that fits its settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from infill_completion.api import Engine, EngineState, Health
from infill_completion.document.snapshot import Answer, Snapshot, Trigger
from infill_completion.document.workspace import OpenDocuments
from infill_server.learning.adapters import with_learned
from infill_server.learning.idle_learning import IdleLearning
from infill_server.lsp.import_turns import import_in_turn
from infill_server.recording.observed_engine import StartedEngine
from infill_server.slow_model import SlowModelWatch

if TYPE_CHECKING:
    from infill_completion.settings import EngineSettings, Settings
    from infill_completion.suggest.completer import Completer
    from infill_completion.suggest.showing.show_model import ShowModel

log = logging.getLogger(__name__)

CLOSE_S = 2.0
# The kind of a health whose model is too slow.
_SLOW = "slow"
# The steps on the way to an answer that say how long the engine took.
_ENGINE_STEPS = frozenset({"engine", "engine meanwhile"})

Observe = Callable[[StartedEngine, Callable[[Health], None]], StartedEngine]


class EngineObserver(Protocol):
    """Is notified of changes to the engine."""

    def may_connect(self) -> bool:
        """Return whether the engine may be used that the settings name; after a False, `check` is called again."""

    def engine_replaced(self) -> None:
        """Another engine is being started."""

    def health_changed(self, health: Health) -> None:
        """The engine reported its state, or could not be started."""

    def internal_error(self, error: Exception) -> None:
        """An internal error prevented the engine from being replaced."""


@dataclass
class _Connection:
    """The objects that depend on the engine settings and are replaced together."""

    settings: EngineSettings
    engine: StartedEngine
    completer: Completer
    starting: asyncio.Task[None]


class EngineKeeper:
    """Starts, replaces and restarts the engine of one window.

    Attributes:
        health: The engine's last known state.
        model: The last model that was ready; empty before.
    """

    def __init__(self, documents: OpenDocuments, settings: Callable[[], Settings], observer: EngineObserver) -> None:
        """Keep an engine.

        Args:
            documents: The editor's open documents.
            settings: Returns the current settings.
            observer: Is notified of changes.
        """
        self.health = Health(EngineState.STARTING)
        self.model = ""
        self._documents = documents
        self._own_settings = settings
        self._observer = observer
        self._connection: _Connection | None = None
        self._engine_settings: EngineSettings | None = None  # of the engine that is connected, or being connected
        self._is_check_due = asyncio.Event()
        self._is_restart_due = False
        self._observe: Observe | None = None
        self._show_model: ShowModel | None = None
        self._slow = SlowModelWatch()
        self._closing: set[asyncio.Task[None]] = set()
        self._learning = IdleLearning(
            settings, documents.roots if documents else tuple, self.check, lambda: self._engine_settings
        )

    async def _wanted(self) -> EngineSettings:
        """Return the engine that the settings ask for, with what was learned in the repository."""
        roots = self._documents.roots() if self._documents else ()
        return (await asyncio.to_thread(with_learned, self._own_settings(), roots)).engine

    def _settings(self, engine: EngineSettings) -> Settings:
        """Return the current settings for ``engine``, which stays what it was when the observer let it be used."""
        return replace(self._own_settings(), engine=engine)

    def answered(self, snapshot: Snapshot, answer: Answer) -> None:
        """Notice from the engine's time whether the model is too slow; ``health`` then says so.

        The steps of an answer also have the time of earlier answers for which nobody waited to the end.
        """
        settings = self._own_settings()
        if settings.engine.url is not None or snapshot.trigger is Trigger.INVOKED:
            return
        if self.health.state is not EngineState.READY or self.health.kind not in {"", _SLOW}:
            return
        steps = answer.details.get("steps")
        for name, _, details in steps if isinstance(steps, list) else ():
            if name in _ENGINE_STEPS and isinstance(details.get("latency_ms"), float):
                self._slow.add(details["latency_ms"], settings.completion.deadline_ms)
                reason = self._slow.reason(self.health.model)
                self.health = replace(self.health, reason=reason, kind=_SLOW if reason else "")

    @property
    def completer(self) -> Completer | None:
        """The completer that uses the engine; None until the engine is being started."""
        return None if self._connection is None else self._connection.completer

    def completer_for_request(self) -> Completer | None:
        """Return the completer for a request of the user, which halts learning."""
        self._learning.requested()
        return self.completer

    def engine_for_edits(self) -> tuple[Engine | None, str]:
        """Return the engine for next edits, and its model's name; asking halts learning. None while it is recorded.

        A replay could not ask for them in the same places.
        """
        self._learning.requested()
        connection = self._connection if self._observe is None else None
        return connection.engine if connection is not None else None, self.health.model

    async def anticipate(self, snapshot: Snapshot) -> None:
        """Begin to compute the answer to a request that the editor is going to make.

        A remote engine gets nothing before the editor has asked, nor while another one is about to replace it.
        """
        completer = self.completer_for_request()
        if completer is not None and self._connection is not None and self._connection.settings.url is None:
            await completer.anticipate(snapshot)

    async def grow(self, snapshot: Snapshot, on_longer: Callable[[], None]) -> None:
        """Let the suggestion at a place grow, because the user pauses there; ``on_longer`` is called when it has."""
        if (completer := self.completer) is not None and self.health.state is EngineState.READY:
            self._learning.requested()
            await completer.grow(snapshot, on_longer)

    def check(self) -> None:
        """Replace the engine if the settings ask for another one; returns at once."""
        self._is_check_due.set()

    def restart(self) -> None:
        """End the engine, for all windows, and start it again; returns at once."""
        self._is_restart_due = True
        self._is_check_due.set()

    def observe(self, observe: Observe | None) -> None:
        """Let the completer ask the engine that ``observe`` returns for an engine; None ends that.

        The completer is replaced, so that it remembers nothing of what came before. Its answers do not depend on the
        speed of the machine either.
        """
        self._observe = observe
        connection = self._connection
        if connection is not None:
            former, connection.completer = connection.completer, self._completer(connection.engine, connection.settings)
            closing = asyncio.ensure_future(former.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def run(self) -> None:
        """Serve the calls of `check` and `restart` until cancelled, and let the model learn meanwhile."""
        learning = asyncio.ensure_future(self._learning.run())
        try:
            while True:
                await self._is_check_due.wait()
                self._is_check_due.clear()
                await self._serve_check()
        finally:
            learning.cancel()
            await asyncio.gather(learning, return_exceptions=True)

    async def _serve_check(self) -> None:
        wanted = await self._wanted()
        is_due = self._is_restart_due or self._engine_settings != wanted
        if is_due and self._observer.may_connect():
            try:
                await self._replace(wanted, end=self._is_restart_due)
            except Exception as error:  # the command infill.restart may still help
                self._observer.internal_error(error)

    def calibrate(self, model: ShowModel) -> None:
        """Decide by ``model`` whether suggestions are worth showing; recordings do not, since replays could not."""
        self._show_model = model
        if self._connection is not None and self._observe is None:
            self._connection.completer.calibrate(model)

    async def aclose(self) -> None:
        """Close the connection; the shared engine keeps running for other windows."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.starting.cancel()
        try:
            async with asyncio.timeout(CLOSE_S):
                await connection.completer.aclose()
                await connection.engine.aclose()
        except TimeoutError:
            log.warning("the engine's connection did not close in time")

    async def _replace(self, wanted: EngineSettings, *, end: bool) -> None:
        self._is_restart_due = False
        former, self._engine_settings = self._engine_settings, wanted
        self.health = Health(EngineState.STARTING)
        self._observer.engine_replaced()
        await self.aclose()
        if former is not None:
            shutdown = await asyncio.to_thread(import_in_turn, "infill_completion.client.shutdown")
            await (shutdown.end_engine(former) if end else shutdown.leave_engine(former, wanted))
        self._connection = await self._connect(wanted)

    async def _connect(self, wanted: EngineSettings) -> _Connection:
        # These imports take longer than many requests, so they run in a thread to keep the event loop responsive.
        connect = await asyncio.to_thread(import_in_turn, "infill_completion.client.connect")
        await asyncio.to_thread(import_in_turn, "infill_completion.suggest.completer")
        if wanted.url is not None:
            await asyncio.to_thread(import_in_turn, "infill_completion.client.remote.engine")
        engine: StartedEngine = connect.engine_for(self._settings(wanted), self._on_health)
        if self._observe is not None:
            engine = self._observe(engine, self._on_health)
        completer = self._completer(engine, wanted, is_observed=True)
        connection = _Connection(wanted, engine, completer, asyncio.ensure_future(engine.start()))
        connection.starting.add_done_callback(self._on_started)
        return connection

    def _completer(self, engine: StartedEngine, wanted: EngineSettings, *, is_observed: bool = False) -> Completer:
        from infill_completion.suggest.completer import Completer

        if self._observe is None:
            completer = Completer(engine, self._settings(wanted), self._documents)
            if self._show_model is not None:
                completer.calibrate(self._show_model)
            return completer
        observed = engine if is_observed else self._observe(engine, self._on_health)
        return Completer(observed, self._settings(wanted), self._documents, is_steady=True)

    def _on_started(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_health(Health(EngineState.FAILED, reason=str(error)))

    def _on_health(self, health: Health) -> None:
        if health.state is EngineState.READY:
            if self.model not in {"", health.model} and self._connection is not None:
                self._connection.completer.forget()  # its suggestions came from another model
            self._slow.clear()
            self.model = health.model
        self.health = health
        self._observer.health_changed(health)
