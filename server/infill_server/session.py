"""One editor window: its settings, its engine and its completer."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from infill_completion.api import Engine, EngineState, Health
from infill_completion.document.snapshot import Answer, SkipReason, Snapshot
from infill_server.status import Kind, LoadProgress, Status

if TYPE_CHECKING:
    from infill_completion.settings import EngineSettings, Settings
    from infill_completion.suggest.completer import Completer
    from infill_server.configuration import Configuration
    from infill_server.language_server import InfillServer

log = logging.getLogger(__name__)

CLOSE_S = 2.0
BOX_AGAIN_S = 600.0

_INACTIVE = {SkipReason.SWITCHED_OFF, SkipReason.LANGUAGE_OFF, SkipReason.PRIVATE_FILE, SkipReason.BINARY_FILE}
_TRANSIENT = {SkipReason.SUPERSEDED, SkipReason.CANCELLED, SkipReason.ENGINE_LOADING}


def answered_by(answer: Answer) -> str:
    """Return where an answer came from: ``memory``, ``joined`` (a running generation), ``engine`` or ``nothing``."""
    if "reuse" in answer.details:
        return "memory"
    steps = answer.details.get("steps")
    names = {step[0] for step in steps} if isinstance(steps, list) else set()
    return "engine" if "asked" in names else "joined" if "joined" in names else "nothing"


class StartedEngine(Engine, Protocol):
    """An engine that is started in the background and closed at the end."""

    async def start(self) -> None:
        """Connect, or start a process."""

    async def aclose(self) -> None:
        """Let go of it."""


@dataclass
class _Parts:
    """What depends on the engine settings and is replaced together."""

    engine: StartedEngine
    completer: Completer
    starting: asyncio.Task[None]


class Session:
    """Holds what lives as long as the editor's window.

    Attributes:
        status: What the user sees.
        health: The engine's last known state.
        last: The last request that got a final answer, for ``infill.explain``.
        answers: How often a request was answered from what, for ``infill.statistics``.
    """

    def __init__(self, server: InfillServer) -> None:
        self._server = server
        self.status = Status(server)
        self.health = Health(EngineState.STARTING)
        self.last: Snapshot | None = None
        self.answers: Counter[str] = Counter()
        self._parts: _Parts | None = None
        self._engine_wanted = asyncio.Event()
        self._engine_of: EngineSettings | None = None
        self._restart_wanted = False
        self._model = ""
        self._progress = LoadProgress(server)
        self._tasks: set[asyncio.Task[None]] = set()
        self._boxes: dict[str, float] = {}  # when each kind of failure was shown last

    @cached_property
    def configuration(self) -> Configuration:
        """The layers of settings; imported when they are first needed, which is behind ``initialize``."""
        from infill_server.configuration import Configuration

        return Configuration()

    @property
    def settings(self) -> Settings:
        """The settings of now."""
        return self.configuration.settings

    def start(self) -> None:
        """Begin to keep an engine that fits the settings; returns at once."""
        self.spawn(self._keep_engine())
        self._engine_wanted.set()

    def configured(self) -> None:
        """Put changed settings to work; a change of the engine's replaces it."""
        if self._parts is not None:
            self._parts.completer.configure(self.settings)
        self._engine_wanted.set()
        self._say_state()

    def toggle(self) -> bool:
        """Switch automatic suggestions off or on again and return whether they are on now."""
        enabled = not self.settings.completion.enabled
        self.configuration.switch(enabled=enabled)
        self.configured()
        return enabled

    def restart(self) -> None:
        """End the engine, for all windows, and start it anew."""
        self._restart_wanted = True
        self._engine_wanted.set()

    async def ask(self, snapshot: Snapshot) -> Answer:
        """Return the completer's answer.

        Raises:
            asyncio.CancelledError: The editor withdrew the request.
        """
        if self._parts is None:
            return Answer(reason=SkipReason.ENGINE_LOADING, is_final=False)
        self.status.begin()
        try:
            answer = await self._parts.completer.complete(snapshot)
        except asyncio.CancelledError:
            self.answers["withdrawn"] += 1
            raise
        finally:
            self.status.end()
        self.answers[answered_by(answer)] += 1
        self._note(snapshot, answer)
        return answer

    async def explain(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return everything behind the answer for ``snapshot`` as JSON; asks the engine anew."""
        if self._parts is None:
            return {"uri": snapshot.uri, "reason": SkipReason.ENGINE_LOADING.value}
        explanation = await self._parts.completer.explain(snapshot)
        return explanation.to_json()

    def accepted(self, uri: str, text: str) -> None:
        """Tell the completer that the user took ``text``."""
        if self._parts is not None:
            self._parts.completer.accepted(uri, text)

    def closed(self, uri: str) -> None:
        """Tell the completer that a document was closed."""
        if self._parts is not None:
            self._parts.completer.closed(uri)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background until it ends or the session does."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def aclose(self) -> None:
        """End everything; the shared engine goes on for other windows."""
        self._progress.close()
        for task in tuple(self._tasks):
            task.cancel()
        await self._let_go()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        log.error("background work failed", exc_info=error)
        self.status.say(Kind.ERROR, "The language server had an internal error; see its log.")

    async def _keep_engine(self) -> None:
        while True:
            await self._engine_wanted.wait()
            self._engine_wanted.clear()
            if self._restart_wanted or self._engine_of != self.settings.engine:
                try:
                    await self._replace_engine(end=self._restart_wanted)
                except Exception as error:  # the command infill.restart may still help
                    self._failed(error)

    async def _replace_engine(self, *, end: bool) -> None:
        self._restart_wanted = False
        self._boxes.clear()  # whoever changes something wants to know what came of it
        former, self._engine_of = self._engine_of, self.settings.engine
        self.health = Health(EngineState.STARTING)
        self.status.say(Kind.WARNING, SkipReason.ENGINE_LOADING.value)
        await self._let_go()
        if former is not None:
            restart = await asyncio.to_thread(importlib.import_module, "infill_completion.client.shutdown")
            await (restart.end_engine(former) if end else restart.leave_engine(former, self.settings.engine))
        self._parts = await self._open()

    async def _open(self) -> _Parts:
        # The import takes longer than many a request; meanwhile the loop goes on.
        connect = await asyncio.to_thread(importlib.import_module, "infill_completion.client.connect")
        completer = await asyncio.to_thread(importlib.import_module, "infill_completion.suggest.completer")
        engine: StartedEngine = connect.engine_for(self.settings, self._on_health)
        parts = _Parts(
            engine,
            completer.Completer(engine, self.settings, self._server.documents),
            asyncio.ensure_future(engine.start()),
        )
        parts.starting.add_done_callback(self._started)
        return parts

    def _started(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_health(Health(EngineState.FAILED, reason=str(error)))

    async def _let_go(self) -> None:
        parts, self._parts = self._parts, None
        if parts is None:
            return
        parts.starting.cancel()
        try:
            async with asyncio.timeout(CLOSE_S):
                await parts.completer.aclose()
                await parts.engine.aclose()
        except TimeoutError:
            log.warning("the engine's connection did not close in time")

    def _on_health(self, health: Health) -> None:
        if health.state is EngineState.READY and self._model not in {"", health.model} and self._parts is not None:
            self._parts.completer.forget()  # what another model wrote
        self._model = health.model if health.state is EngineState.READY else self._model
        self.health = health
        self._progress.show(health)
        if health.state is EngineState.FAILED:
            self._tell_failure(health.reason or SkipReason.ENGINE_FAILED.value, health.kind)
        else:
            self._say_state()

    def _tell_failure(self, reason: str, kind: str = "") -> None:
        """Show what is wrong, and in a box only once in a while; what comes and goes must not open one each time."""
        self.status.say(Kind.ERROR, reason)
        now = time.monotonic()
        if now - self._boxes.get(kind or reason, -BOX_AGAIN_S) >= BOX_AGAIN_S:
            self._boxes[kind or reason] = now
            self._server.show_error(reason)

    def _note(self, snapshot: Snapshot, answer: Answer) -> None:
        if answer.reason in _TRANSIENT:
            return
        self.last = snapshot
        if answer.reason is SkipReason.ENGINE_FAILED:
            message, kind = answer.details.get("message"), answer.details.get("kind")
            self._tell_failure(str(message or answer.reason.value), str(kind or ""))
        elif answer.reason in _INACTIVE:
            self.status.say(Kind.INACTIVE, answer.reason.value)
        elif self.health.state is EngineState.READY:
            self._say_state()

    def _say_state(self) -> None:
        """Say how the engine is, or that nothing is to be suggested whatever it is."""
        state, reason = self.health.state, self.health.reason
        if not self.settings.completion.enabled:
            self.status.say(Kind.INACTIVE, SkipReason.SWITCHED_OFF.value, model=self._model)
        elif state is EngineState.READY:
            self.status.say(Kind.NORMAL, model=self._model)
        elif state is EngineState.FAILED:
            self.status.say(Kind.ERROR, reason or SkipReason.ENGINE_FAILED.value)
        else:
            self.status.say(Kind.WARNING, reason or SkipReason.ENGINE_LOADING.value)
