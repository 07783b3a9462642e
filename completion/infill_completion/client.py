"""An engine on the other end of a socket: OpenAI's completions over HTTP/1.1."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, Health
from infill_completion.rundir import EnginePaths, read_card
from infill_completion.wire import EventReader, chunks_from_json, failure, health_from_json

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 5.0
_LATE_S = 10.0
# While torch is imported the engine's interpreter may be held up for seconds at a time, so silence is no failure.
_HEALTH_S = 20.0
# The engine keeps idle connections for an hour; a client gives them up before that.
_KEEP_ALIVE_S = 1800.0


class EngineGoneError(EngineUnavailableError):
    """Nothing listens there, or the engine went away in the middle of an answer."""


@dataclass(frozen=True)
class Address:
    """Where an engine listens: on a Unix socket, or on TCP with a token."""

    socket: Path | None = None
    url: str = "http://engine"
    token: str | None = None


def address_of(paths: EnginePaths) -> Address | None:
    """Return where the engine of ``paths`` listens now; None where there is none."""
    if paths.socket is not None and paths.socket.exists():
        return Address(paths.socket)
    card = read_card(paths)
    if card is None or card.host is None or card.port is None:
        return None
    host = f"[{card.host}]" if ":" in card.host else card.host
    return Address(None, f"http://{host}:{card.port}", card.token)


class EngineClient:
    """Talks to one engine; implements :class:`infill_completion.api.Engine`.

    Connections are kept and reused.  Closing the iterator of :meth:`complete` closes its connection, which stops the
    decode.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http: httpx.AsyncClient | None = None

    async def health(self) -> Health:
        """Return the engine's state.

        Raises:
            EngineGoneError: Nothing listens.
        """
        return health_from_json(await self._json("GET", "/health"))

    async def wake(self) -> Health:
        """Have unloaded weights loaded again, and return the state."""
        return health_from_json(await self._json("POST", "/wake"))

    async def shutdown(self) -> None:
        """Tell the engine to end."""
        await self._json("POST", "/shutdown")

    async def models(self) -> list[dict[str, Any]]:
        """Return the models as ``GET /v1/models`` lists them."""
        return list((await self._json("GET", "/v1/models"))["data"])

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks as they are decoded; see :class:`infill_completion.api.Engine`."""
        httpx = await load_httpx()
        body = json.dumps(replace(request, stream=True).to_json()).encode()
        http = await self._client()
        # The engine keeps the deadline itself, so one that is this late hangs.
        until = None if request.deadline_ms is None else _now() + request.deadline_ms / 1000 + _LATE_S
        try:
            asked = http.build_request("POST", "/v1/completions", content=body, headers=_JSON)
            async with asyncio.timeout_at(until):
                response = await http.send(asked, stream=True)
            try:
                if response.status_code != 200:
                    raise failure(response.status_code, await response.aread())
                events = EventReader()
                parts = response.aiter_bytes()
                while True:
                    async with asyncio.timeout_at(until):
                        part = await anext(parts, None)
                    if part is None:
                        return
                    for data in events.feed(part):
                        if data == b"[DONE]":
                            continue  # read to the end, or the connection could not be used again
                        for chunk in chunks_from_json(json.loads(data)):
                            yield chunk
            finally:
                await response.aclose()
        except TimeoutError as error:
            raise EngineUnavailableError("The engine hangs; end it with `infill-ls engine stop`.") from error
        except httpx.TransportError as error:
            raise _gone(error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineUnavailableError("The engine's answer is not a completion; run `infill-ls doctor`.") from error

    async def aclose(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _client(self) -> httpx.AsyncClient:
        httpx = await load_httpx()
        if self._http is None:
            limits = httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_S)
            uds = str(self.address.socket) if self.address.socket else None
            token = self.address.token
            self._http = httpx.AsyncClient(
                base_url=self.address.url,
                # No TLS on the way to a local engine, so no certificates are read either.
                transport=httpx.AsyncHTTPTransport(uds=uds, verify=False, limits=limits, trust_env=False),
                timeout=httpx.Timeout(None, connect=_CONNECT_S),
                headers={"Authorization": f"Bearer {token}"} if token else {},
                trust_env=False,  # a proxy of the environment must never see the text of a buffer
            )
        return self._http

    async def _json(self, method: str, path: str) -> Any:
        httpx = await load_httpx()
        http = await self._client()
        try:
            response = await http.request(method, path, timeout=_HEALTH_S)
        except httpx.ReadTimeout as error:
            # It took the connection, so it is there; the import of torch can hold it up for long.
            raise EngineUnavailableError("The engine is busy; try again in a moment.", EngineState.LOADING) from error
        except httpx.TransportError as error:
            raise _gone(error) from error
        if response.status_code != 200:
            raise failure(response.status_code, response.content)
        try:
            return response.json()
        except ValueError as error:
            raise EngineUnavailableError("What listens on the engine's socket is no engine; end it.") from error


_JSON = {"Content-Type": "application/json"}


_loaded: dict[str, Any] = {}


async def load_httpx() -> Any:
    """Import httpx on another thread: it takes long enough that somebody who types would notice."""
    if "httpx" not in _loaded:
        _loaded["httpx"] = await asyncio.to_thread(importlib.import_module, "httpx")
    return _loaded["httpx"]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _gone(error: Exception) -> EngineGoneError:
    return EngineGoneError(f"The engine does not answer ({type(error).__name__}); the next request starts it again.")
