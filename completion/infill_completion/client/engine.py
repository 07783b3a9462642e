"""The client of one engine process: OpenAI's completions over HTTP/1.1."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    EngineState,
    EngineUnavailableError,
    Health,
    HeldTexts,
    TextUpdate,
)
from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.events import EventReader
from infill_completion.client.http import Address, Pool, ProtocolError
from infill_completion.client.run_directory import EnginePaths
from infill_completion.client.wire import (
    CLIENT_HEADER,
    NOT_AN_ENGINE,
    chunks_from_json,
    failure,
    health_from_json,
)

# The engine keeps the deadline itself, and readers of the stream give up half a second after it.
_LATE_S = 0.4
# Importing torch can block the engine's interpreter for seconds at a time, so silence is not a failure.
HEALTH_S = 20.0
_CLIENT = secrets.token_hex(8)


class EngineLateError(EngineUnavailableError):
    """The deadline passed before the engine, which has the request, ended its answer."""


class EngineGoneError(EngineUnavailableError):
    """Nothing listens at the address, or the engine exited in the middle of an answer."""


def address_of(paths: EnginePaths) -> Address | None:
    """Return the address of the running engine of ``paths``, or None if none runs."""
    if paths.socket is not None and paths.socket.exists():
        return Address(paths.socket)
    info = read_connection_file(paths)
    if info is None or info.host is None or info.port is None:
        return None
    return Address(None, info.host, info.port, info.token)


class EngineClient:
    """Talks to one engine; implements :class:`infill_completion.api.Engine`.

    Connections are kept open and reused.  Closing the iterator of :meth:`complete` closes its connection, which stops
    decoding.

    Args:
        address: Where the engine listens.
        as_window: Whether to register as an editor window, for which the engine keeps running until it leaves.
    """

    def __init__(self, address: Address, *, as_window: bool = False) -> None:
        self.address = address
        self._pool = Pool(address, {CLIENT_HEADER: _CLIENT} if as_window else {})

    async def health(self, patience_s: float = HEALTH_S) -> Health:
        """Return the engine's health.

        Raises:
            EngineGoneError: Nothing listens.
            EngineUnavailableError: The engine is too busy to answer, or the listener is not an engine.
        """
        return health_from_json(await self._json("GET", "/health", patience_s))

    async def wake(self) -> Health:
        """Make the engine load its weights again, and return its health."""
        return health_from_json(await self._json("POST", "/wake"))

    async def shutdown(self, patience_s: float = HEALTH_S) -> None:
        """Ask the engine to end."""
        await self._json("POST", "/shutdown", patience_s)

    async def leave(self, patience_s: float = HEALTH_S) -> bool:
        """Unregister this window; return whether the engine ends because it was the last one."""
        return bool((await self._json("POST", "/leave", patience_s))["ends"])

    async def models(self) -> list[dict[str, Any]]:
        """Return the models from ``GET /v1/models``."""
        return list((await self._json("GET", "/v1/models"))["data"])

    async def metrics(self) -> str:
        """Return the counters from ``GET /metrics``, in the format of Prometheus."""
        return (await self._body("GET", "/metrics")).decode()

    async def hold(self, update: TextUpdate) -> HeldTexts:
        """Send texts of a workspace; see :class:`infill_completion.api.TextHolder`."""
        body = json.dumps(update.to_json()).encode()
        answer = await self._json("POST", "/v1/texts", body=body)
        try:
            return HeldTexts(str(answer["store"]), int(answer["texts"]), int(answer["tokens"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailableError(NOT_AN_ENGINE) from error

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks as they are decoded; see :class:`infill_completion.api.Engine`."""
        body = json.dumps(replace(request, stream=True).to_json()).encode()
        until = None if request.deadline_ms is None else _now() + request.deadline_ms / 1000 + _LATE_S
        try:
            async with asyncio.timeout_at(until):
                connection = await self._pool.ask("POST", "/v1/completions", body)
            try:
                parts = connection.parts()
                if connection.status != 200:
                    raise failure(connection.status, b"".join([part async for part in parts]))
                events, answered = EventReader(), False
                while True:
                    async with asyncio.timeout_at(until):
                        part = await anext(parts, None)
                    if part is None:
                        break
                    for event in events.feed(part):
                        if event.data == b"[DONE]":
                            continue  # keep reading: only a finished connection can be reused
                        for chunk in chunks_from_json(json.loads(event.data)):
                            answered = True
                            yield chunk
                if not answered:
                    raise ProtocolError("no event")
            finally:
                self._pool.release(connection)
        except TimeoutError as error:
            raise EngineLateError("The engine does not answer; see `infill-ls engine status`.") from error
        except (OSError, EOFError) as error:
            raise _gone(error) from error
        except (ProtocolError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineUnavailableError("The engine's answer is not a completion; run `infill-ls doctor`.") from error

    async def aclose(self) -> None:
        """Close all idle connections."""
        self._pool.close()

    async def _json(self, method: str, path: str, patience_s: float = HEALTH_S, body: bytes = b"") -> Any:
        try:
            return json.loads(await self._body(method, path, patience_s, body))
        except ValueError as error:
            raise EngineUnavailableError(NOT_AN_ENGINE) from error

    async def _body(self, method: str, path: str, patience_s: float = HEALTH_S, sent: bytes = b"") -> bytes:
        try:
            async with asyncio.timeout(patience_s):
                connection = await self._pool.ask(method, path, sent)
                try:
                    body = b"".join([part async for part in connection.parts()])
                finally:
                    self._pool.release(connection)
        except TimeoutError as error:
            # The connection was accepted, so the engine runs; importing torch can block it for long.
            raise EngineUnavailableError("The engine is busy; try again in a moment.", EngineState.LOADING) from error
        except (OSError, EOFError) as error:
            raise _gone(error) from error
        except ProtocolError as error:
            raise EngineUnavailableError(NOT_AN_ENGINE) from error
        if connection.status != 200:
            raise failure(connection.status, body)
        return body


def _now() -> float:
    return asyncio.get_running_loop().time()


def _gone(error: Exception) -> EngineGoneError:
    return EngineGoneError(f"The engine does not answer ({type(error).__name__}); the next request starts it again.")
