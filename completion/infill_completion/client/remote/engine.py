"""An engine behind ``engine.url``: vLLM, the llama.cpp server, Ollama, or our own on another machine."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    EngineState,
    EngineUnavailableError,
    FinishReason,
    Health,
)
from infill_completion.client.backoff import Backoff
from infill_completion.client.http import Connection, Pool, ProtocolError
from infill_completion.client.remote.address import api_key, remote_address
from infill_completion.client.remote.dialects import Dialect, dialect
from infill_completion.client.remote.errors import Trouble
from infill_completion.client.remote.fitting import fitted
from infill_completion.client.silence import SilenceCounter
from infill_completion.client.wire import EventReader, LineReader
from infill_completion.settings import EngineSettings

_LISTING_S = 10.0
_ANSWER_S = 120.0
_RETRY_S = (2.0, 5.0, 15.0, 60.0)


class RemoteEngine:
    """Asks a remote server; implements :class:`infill_completion.api.Engine`, with the methods of ``LocalEngine``.

    Args:
        settings: Names the URL, the protocol, the model and the variable with the API key.
        on_health: Told of every change between ready and failed, on the event loop.
    """

    def __init__(self, settings: EngineSettings, on_health: Callable[[Health], None] | None = None) -> None:
        assert settings.url is not None
        self._settings = settings
        self._url = (
            re.sub(r"/v1/?$", "", settings.url.rstrip("/")) if settings.api != "ollama" else settings.url.rstrip("/")
        )
        self._on_health = on_health or (lambda _health: None)
        self._dialect: Dialect = dialect(settings.api)
        self._health = Health(EngineState.STARTING, model=settings.model, device="remote")
        self._trouble = Trouble(self._url, settings)
        self._backoff = Backoff(_RETRY_S)
        self._silences = SilenceCounter()
        self._model = ""
        self._path = ""
        self._pool: Pool | None = None

    @property
    def last_health(self) -> Health:
        """The last state that was heard of, without asking."""
        return self._health

    async def start(self) -> None:
        """Find out whether the server answers and which model it has; a failure is reported, not raised."""
        try:
            await self.health()
        except EngineUnavailableError as error:
            self._fail(error)

    async def wait_ready(self, timeout_s: float) -> Health:
        """Ask for the state once; a remote server is not waited for longer than ``timeout_s``."""
        try:
            await asyncio.wait_for(self.start(), timeout_s)
        except TimeoutError:
            self._report(EngineState.FAILED, f"{self._url} does not answer; start the server or correct engine.url.")
        return self._health

    async def health(self) -> Health:
        """Ask the server which models it has.

        Raises:
            EngineUnavailableError: It does not answer, refuses us, or has no such model.
        """
        self._model = await self._chosen_model()
        self._work()
        return self._health

    async def models(self) -> list[dict[str, Any]]:
        """Return the models that the server lists."""
        return [{"id": name, "object": "model"} for name in await self._listed()]

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks; see :class:`infill_completion.api.Engine`.

        The deadline is kept on this side: the connection is closed and the choices end with that reason.  A server that
        failed is left alone for a while, unless the user asks.
        """
        if self._backoff.is_waiting and not request.is_invoked:
            raise self._health.unavailable()
        until = _now() + (_ANSWER_S if request.deadline_ms is None else request.deadline_ms / 1000)
        asked = fitted(request, self._settings.context_tokens)
        try:
            if not self._model:
                self._model = await self._chosen_model()
            for index in range(1 if self._dialect.at_once else request.n):
                open_choices = set(range(request.n)) if self._dialect.at_once else {index}
                stream, is_silent = self._one(asked, index, until), True
                try:
                    async for chunk in stream:
                        if chunk.finish_reason is not None:
                            open_choices.discard(chunk.index)
                        is_silent = False
                        self._work()
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
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def _one(self, request: CompletionRequest, index: int, until: float) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of one HTTP request; TimeoutError at the moment ``until`` of the loop's clock."""
        pool = await self._connections()
        try:
            connection = await self._opened(pool, request, index, until)
            try:
                reader = LineReader() if self._dialect.lines else EventReader()
                parts = connection.parts()
                unread: bytes | None = b""
                while True:
                    async with asyncio.timeout_at(until):
                        part = await anext(parts, None)
                    if part is None:
                        break
                    events = reader.feed(part)
                    if unread is not None:
                        unread = None if events else unread + part
                    for data in events:
                        for chunk in self._chunks(data, index):
                            yield chunk
                if unread is not None:  # no event came: the whole answer at once, or something else altogether
                    for chunk in self._chunks(unread, index):
                        yield chunk
            finally:
                pool.release(connection)
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            raise self._trouble.unreachable(error) from error
        except (ProtocolError, ValueError) as error:
            raise self._trouble.foreign() from error

    async def _opened(self, pool: Pool, request: CompletionRequest, index: int, until: float) -> Connection:
        """Return the connection with the answer to one HTTP request, its body still to come."""
        while True:
            body = json.dumps(self._dialect.request(request, self._model, index)).encode()
            async with asyncio.timeout_at(until):
                connection = await pool.ask("POST", self._path + self._dialect.path, body)
                if connection.status == 200:
                    return connection
                answered = await _whole(pool, connection)
            if connection.status not in {400, 422} or not self._dialect.simplify():
                raise self._trouble.refused(connection.status, answered, connection.retry_after_s)

    def _chunks(self, data: bytes, index: int) -> list[Chunk]:
        if data == b"[DONE]":
            return []
        try:
            body = json.loads(data)
            if body.get("error"):  # some servers send a null with every event
                raise self._trouble.failed(data)
            return self._dialect.chunks(body, index)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._trouble.foreign() from error

    async def _chosen_model(self) -> str:
        """Return the model to ask for: the one of the settings, else the first that the server lists."""
        wanted = "" if self._settings.model == "auto" else self._settings.model
        listed = await self._listed()
        if not listed:
            if wanted:
                return wanted
            raise EngineUnavailableError(f"{self._url} lists no model; load one there or set engine.model.")
        # Ollama adds a tag to names that have none.
        if wanted and wanted not in listed and f"{wanted}:latest" not in listed:
            raise EngineUnavailableError(
                f"{self._url} has no model {wanted}, but {', '.join(listed[:5])}; correct engine.model."
            )
        return wanted or listed[0]

    async def _listed(self) -> list[str]:
        pool = await self._connections()
        try:
            async with asyncio.timeout(_LISTING_S):
                connection = await pool.ask("GET", self._path + self._dialect.listing)
                body = await _whole(pool, connection)
        except (OSError, EOFError) as error:
            raise self._trouble.unreachable(error) from error
        except ProtocolError as error:
            raise self._trouble.foreign() from error
        if connection.status in {404, 405} and self._settings.model != "auto":
            return []  # a server that lists nothing may still complete
        if connection.status != 200:
            raise self._trouble.refused(connection.status, body, connection.retry_after_s)
        try:
            return self._dialect.models(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._trouble.foreign() from error

    async def _connections(self) -> Pool:
        if self._pool is None:
            address, self._path = await remote_address(self._url, api_key(self._settings.api_key_env))
            self._pool = Pool(address)
        return self._pool

    def _note_deadline(self, *, is_silent: bool) -> None:
        """Count the deadlines in a row that came before anything else did."""
        if not is_silent:
            self._silences.heard()
            return
        self._silences.missed()
        if self._silences.is_suspicious:
            raise self._trouble.silent(self._silences.count)

    def _work(self) -> None:
        """Note that the server does what it should."""
        self._backoff.succeeded()
        self._silences.heard()
        self._report(EngineState.READY)

    def _fail(self, error: EngineUnavailableError) -> None:
        self._backoff.failed(error.retry_after_s)
        self._report(EngineState.FAILED, str(error), error.kind)

    def _report(self, state: EngineState, reason: str = "", kind: str = "") -> None:
        model = self._model or self._settings.model
        before, self._health = self._health, replace(self._health, state=state, reason=reason, model=model, kind=kind)
        if before != self._health:
            self._on_health(self._health)


async def _whole(pool: Pool, connection: Connection) -> bytes:
    try:
        return b"".join([part async for part in connection.parts()])
    finally:
        pool.release(connection)


def _now() -> float:
    return asyncio.get_running_loop().time()
