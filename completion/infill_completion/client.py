"""An engine on the other end of a socket: OpenAI's completions over HTTP/1.1."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    EngineState,
    EngineUnavailableError,
    FinishReason,
    Health,
    Usage,
)
from infill_completion.rundir import EnginePaths, read_card

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 5.0
_LATE_S = 10.0
# While torch is imported the engine's interpreter may be held up for seconds at a time, so silence is no failure.
_HEALTH_S = 20.0
_MOST_EVENT_BYTES = 32 << 20
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


def failure(status: int, body: bytes) -> EngineUnavailableError:
    """Return what a refused request means, from OpenAI's error shape where the body has it."""
    state, message = EngineState.FAILED, f"The engine answered with HTTP status {status}."
    try:
        fields = json.loads(body)
        message = str(fields["error"]["message"])
        state = EngineState(fields["health"]["state"])
    except (ValueError, KeyError, TypeError):
        pass
    return EngineUnavailableError(message, state)


class EventReader:
    """Cuts a stream of bytes into the data of server-sent events.

    Lines end at LF or CRLF only: data may hold U+2028 and other characters that ``str.splitlines`` takes for an end.
    An event that the connection cuts off is dropped.

    Source of the format: WHATWG HTML, section 9.2.6; event names, ids and retry times are not used.
    """

    def __init__(self) -> None:
        self._line = b""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> list[bytes]:
        """Return the data of the events that end in ``part``.

        Raises:
            ValueError: A line is longer than any event of a completion.
        """
        *lines, self._line = (self._line + part).split(b"\n")
        if len(self._line) > _MOST_EVENT_BYTES:
            raise ValueError("an event is too long")
        events = []
        for line in lines:
            stripped = line.removesuffix(b"\r")
            if stripped.startswith(b"data:"):
                self._data.append(stripped[5:].removeprefix(b" "))
            elif not stripped and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events


def chunks_from_json(body: dict[str, Any]) -> list[Chunk]:
    """Return the chunks of one event of OpenAI's completions.

    Raises:
        EngineUnavailableError: The event is an error.
        ValueError, KeyError, TypeError, AttributeError: The event has another shape.
    """
    if "error" in body:
        raise EngineUnavailableError(str(body["error"]["message"]))
    chunks = [_choice(choice) for choice in body.get("choices", [])]
    usage, timings, explain = _usage(body.get("usage")), body.get("timings") or {}, body.get("explain")
    if usage is None and not timings and explain is None:
        return chunks
    # Servers that send the usage behind the last choice do so in an event without choices.
    last = chunks.pop() if chunks else Chunk()
    return [*chunks, replace(last, usage=usage, timings=timings, explain=explain)]


def _choice(choice: dict[str, Any]) -> Chunk:
    reason = choice.get("finish_reason")
    logprobs = [value for value in (choice.get("logprobs") or {}).get("token_logprobs") or [] if value is not None]
    return Chunk(
        index=int(choice.get("index", 0)),
        text=str(choice.get("text") or ""),
        finish_reason=finish_reason(reason),
        logprob_sum=float(choice.get("logprob_sum", sum(logprobs))),
        token_count=int(choice.get("token_count", len(logprobs))),
    )


def finish_reason(name: object) -> FinishReason | None:
    """Return the reason called ``name``; one that we do not know is a stop."""
    if name is None or name == "":
        return None
    try:
        return FinishReason(str(name))
    except ValueError:
        return FinishReason.STOP


def _usage(usage: dict[str, Any] | None) -> Usage | None:
    if usage is None:
        return None
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("cached_tokens") or details.get("cached_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
    )


def health_from_json(body: dict[str, Any]) -> Health:
    """Return the health in the answer of ``GET /health``.

    Raises:
        EngineUnavailableError: The answer has another shape.
    """
    known = {name: body[name] for name in Health.__dataclass_fields__ if name in body}
    try:
        return Health(**{**known, "state": EngineState(known["state"])})
    except (KeyError, TypeError, ValueError) as error:
        raise EngineUnavailableError("What listens on the engine's socket is no engine; end it.") from error
