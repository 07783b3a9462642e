"""The remote engine: vLLM, the llama.cpp server, Ollama, or our own engine on another machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    EngineState,
    EngineUnavailableError,
    FinishReason,
    Health,
)
from infill_completion.client.backoff import Backoff
from infill_completion.client.remote.fitting import fitted
from infill_completion.client.remote.server import RemoteServer
from infill_completion.client.silence import SilenceCounter
from infill_completion.settings import EngineSettings

_ANSWER_S = 120.0
_RETRY_S = (2.0, 5.0, 15.0, 60.0)


class RemoteEngine:
    """Asks a remote server; implements :class:`infill_completion.api.Engine`, with the methods of ``LocalEngine``.

    Args:
        settings: Names the URL, the protocol, the model and the variable with the API key.
        on_health: Called on the event loop with every change between ready and failed.
    """

    def __init__(self, settings: EngineSettings, on_health: Callable[[Health], None] | None = None) -> None:
        self._settings = settings
        self._on_health = on_health or (lambda _health: None)
        self._server = RemoteServer(settings)
        self._health = Health(EngineState.STARTING, model=settings.model, device="remote")
        self._backoff = Backoff(_RETRY_S)
        self._silences = SilenceCounter()
        self._model = ""

    @property
    def last_health(self) -> Health:
        """The last known state."""
        return self._health

    async def start(self) -> None:
        """Find out whether the server answers and which model it has; a failure is reported, not raised."""
        try:
            await self.health()
        except EngineUnavailableError as error:
            self._fail(error)

    async def wait_ready(self, timeout_s: float) -> Health:
        """Ask for the state once and return it; give up after ``timeout_s``."""
        try:
            await asyncio.wait_for(self.start(), timeout_s)
        except TimeoutError:
            self._report(EngineState.FAILED, str(self._server.errors.timed_out()))
        return self._health

    async def health(self) -> Health:
        """Ask the server which models it has.

        Raises:
            EngineUnavailableError: It does not answer, refuses us, or does not have the model.
        """
        self._model = await self._chosen_model()
        self._succeed()
        return self._health

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks; see :class:`infill_completion.api.Engine`.

        The deadline is kept on this side: the connection is closed and the choices end with that reason.  After a
        failure the server is not asked for a while, unless the user invoked the request.
        """
        if self._backoff.is_waiting and not request.is_invoked:
            raise self._health.unavailable()
        until = _now() + (_ANSWER_S if request.deadline_ms is None else request.deadline_ms / 1000)
        sent = fitted(request, self._settings.context_tokens)
        try:
            if not self._model:
                self._model = await self._chosen_model()
            for index in range(1 if self._server.has_all_choices else request.n):
                open_choices = set(range(request.n)) if self._server.has_all_choices else {index}
                stream, is_silent = self._server.stream(sent, self._model, index, until), True
                try:
                    async for chunk in stream:
                        if chunk.finish_reason is not None:
                            open_choices.discard(chunk.index)
                        is_silent = False
                        self._succeed()
                        yield chunk
                except TimeoutError:
                    self._note_deadline(is_silent=is_silent)
                    for choice in sorted(open_choices):
                        yield Chunk(choice, finish_reason=FinishReason.DEADLINE)
                finally:
                    await stream.aclose()
        except EngineUnavailableError as error:
            self._fail(error)
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        await self._server.aclose()

    async def _chosen_model(self) -> str:
        """Return the model of the settings, or else the first one that the server lists."""
        wanted = "" if self._settings.model == "auto" else self._settings.model
        listed = await self._server.models()
        if not listed:
            if wanted:
                return wanted
            raise self._server.errors.no_models()
        # Ollama adds a tag to names without one.
        if wanted and wanted not in listed and f"{wanted}:latest" not in listed:
            raise self._server.errors.unknown_model(listed)
        return wanted or listed[0]

    def _note_deadline(self, *, is_silent: bool) -> None:
        """Record a missed deadline; raise an error if the server sent nothing before several in a row."""
        if not is_silent:
            self._silences.reset()
            return
        self._silences.missed()
        if self._silences.is_suspicious:
            raise self._server.errors.silent(self._silences.count)

    def _succeed(self) -> None:
        self._backoff.succeeded()
        self._silences.reset()
        self._report(EngineState.READY)

    def _fail(self, error: EngineUnavailableError) -> None:
        self._backoff.failed(error.retry_after_s)
        self._report(EngineState.FAILED, str(error), error.kind)

    def _report(self, state: EngineState, reason: str = "", kind: str = "") -> None:
        model = self._model or self._settings.model
        before, self._health = self._health, replace(self._health, state=state, reason=reason, model=model, kind=kind)
        if before != self._health:
            self._on_health(self._health)


def _now() -> float:
    return asyncio.get_running_loop().time()
