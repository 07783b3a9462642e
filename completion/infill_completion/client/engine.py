"""An engine on the other end of a socket: OpenAI's completions over HTTP/1.1."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, Health
from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.http import Address, Pool, ProtocolError
from infill_completion.client.run_directory import EnginePaths
from infill_completion.client.wire import CLIENT_HEADER, EventReader, chunks_from_json, failure, health_from_json

# The engine keeps the deadline itself. Whoever reads the stream gives up half a second behind it.
_LATE_S = 0.4
# While torch is imported the engine's interpreter may be held up for seconds at a time, so silence is no failure.
HEALTH_S = 20.0
_CLIENT = secrets.token_hex(8)
_FOREIGN = "What listens on the engine's socket is no engine; end it."


class EngineLateError(EngineUnavailableError):
    """The deadline is over and the engine, which has the request, has not ended its answer."""


class EngineGoneError(EngineUnavailableError):
    """Nothing listens there, or the engine went away in the middle of an answer."""


def address_of(paths: EnginePaths) -> Address | None:
    """Return where the engine of ``paths`` listens now; None where there is none."""
    if paths.socket is not None and paths.socket.exists():
        return Address(paths.socket)
    info = read_connection_file(paths)
    if info is None or info.host is None or info.port is None:
        return None
    return Address(None, info.host, info.port, info.token)


class EngineClient:
    """Talks to one engine; implements :class:`infill_completion.api.Engine`.

    Connections are kept and reused.  Closing the iterator of :meth:`complete` closes its connection, which stops the
    decode.

    Args:
        address: Where the engine listens.
        as_window: Whether this process may ask for completions later, so that the engine should stay for it.
    """

    def __init__(self, address: Address, *, as_window: bool = False) -> None:
        self.address = address
        self._pool = Pool(address, {CLIENT_HEADER: _CLIENT} if as_window else {})

    async def health(self, patience_s: float = HEALTH_S) -> Health:
        """Return the engine's state.

        Raises:
            EngineGoneError: Nothing listens.
            EngineUnavailableError: It is too busy to say, or no engine.
        """
        return health_from_json(await self._json("GET", "/health", patience_s))

    async def wake(self) -> Health:
        """Have unloaded weights loaded again, and return the state."""
        return health_from_json(await self._json("POST", "/wake"))

    async def shutdown(self, patience_s: float = HEALTH_S) -> None:
        """Tell the engine to end."""
        await self._json("POST", "/shutdown", patience_s)

    async def leave(self, patience_s: float = HEALTH_S) -> bool:
        """Say that this process asks no more, and return whether the engine ends, because nobody else does either."""
        return bool((await self._json("POST", "/leave", patience_s))["ends"])

    async def models(self) -> list[dict[str, Any]]:
        """Return the models as ``GET /v1/models`` lists them."""
        return list((await self._json("GET", "/v1/models"))["data"])

    async def metrics(self) -> str:
        """Return the counters as ``GET /metrics`` writes them for Prometheus."""
        return (await self._body("GET", "/metrics")).decode()

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
                    for data in events.feed(part):
                        if data == b"[DONE]":
                            continue  # read to the end, or the connection could not be used again
                        for chunk in chunks_from_json(json.loads(data)):
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
        """Close all connections that no request uses."""
        self._pool.close()

    async def _json(self, method: str, path: str, patience_s: float = HEALTH_S) -> Any:
        try:
            return json.loads(await self._body(method, path, patience_s))
        except ValueError as error:
            raise EngineUnavailableError(_FOREIGN) from error

    async def _body(self, method: str, path: str, patience_s: float = HEALTH_S) -> bytes:
        try:
            async with asyncio.timeout(patience_s):
                connection = await self._pool.ask(method, path)
                try:
                    body = b"".join([part async for part in connection.parts()])
                finally:
                    self._pool.release(connection)
        except TimeoutError as error:
            # It took the connection, so it is there; the import of torch can hold it up for long.
            raise EngineUnavailableError("The engine is busy; try again in a moment.", EngineState.LOADING) from error
        except (OSError, EOFError) as error:
            raise _gone(error) from error
        except ProtocolError as error:
            raise EngineUnavailableError(_FOREIGN) from error
        if connection.status != 200:
            raise failure(connection.status, body)
        return body


def _now() -> float:
    return asyncio.get_running_loop().time()


def _gone(error: Exception) -> EngineGoneError:
    return EngineGoneError(f"The engine does not answer ({type(error).__name__}); the next request starts it again.")
