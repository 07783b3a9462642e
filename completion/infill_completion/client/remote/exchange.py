"""HTTP exchanges with one remote server: whole replies, and answers that arrive event by event."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from infill_completion.client.events import STRAY_JSON, EventReader, LineReader, ServerEvent
from infill_completion.client.http import ProtocolError
from infill_completion.client.remote.address import api_key, server_address
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.remote.transport.failures import LostConnectionError, RedirectedError
from infill_completion.client.remote.transport.response import HttpResponse
from infill_completion.client.remote.transport.transport import Transport
from infill_completion.client.remote.trouble import error_data, is_error
from infill_completion.settings import EngineSettings

_OK = 200
_DONE = b"[DONE]"
_MAX_BODY_BYTES = 32 << 20


@dataclass(frozen=True)
class Reply:
    """A whole answer; ``retry_after_s`` is the wait that the server asks for."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


class AnswerStream:
    """An answer after its head and its first event; must be ended.

    Attributes:
        refusal: The whole answer if its status is not 200.
        first: The first events; empty if the server does not send events.
        is_done: Whether the server said that the answer ends, in whatever way; known after the last event.
    """

    def __init__(self, response: HttpResponse, reader: EventReader | LineReader) -> None:
        self.refusal: Reply | None = None
        self.first: list[bytes] = []
        self.is_done = response.is_delimited
        self._response = response
        self._reader = reader
        self._parts = response.parts()
        self._unread: list[bytes] | None = []
        self._left_bytes = _MAX_BODY_BYTES
        self._is_ended = False

    async def begin(self) -> None:
        """Read until the first event, or to the end of a refusal."""
        if self._response.status != _OK:
            self.refusal = Reply(self._response.status, await _whole(self._response), self._response.retry_after_s)
            return
        while not self.first and not self._is_ended:
            self.first = await self._next()

    async def events(self, until: float) -> AsyncGenerator[bytes, None]:
        """Yield the JSON of each event or line of the answer, from the first one on, or the body if it has none.

        An error is ``{"error": ...}``, however the server marked it.

        Raises:
            TimeoutError: The time ``until``, on the event loop's clock, has come.
            LostConnectionError: The connection broke.
            ValueError: The answer is too long.
        """
        for event in self.first:
            yield event
        while not self._is_ended:
            async with asyncio.timeout_at(until):
                events = await self._next()
            for event in events:
                yield event

    def end(self) -> None:
        """Hang up, unless the answer was read to its end; the connection is closed before the event loop goes on."""
        if not self._is_ended:
            self._is_ended = True
            self._response.abandon()

    async def _next(self) -> list[bytes]:
        """Return the events of the next part of the body."""
        part = await anext(self._parts, None)
        if part is None:
            self._is_ended = True
            await self._response.aclose()
            events = [data for event in self._reader.finish() for data in self._data(event)]
            return [*events, b"".join(self._unread)] if self._unread is not None and not events else events
        events = [data for event in self._reader.feed(part) for data in self._data(event)]
        if events:
            self._unread = None
        elif self._unread is not None:
            self._unread.append(part)
            self._left_bytes -= len(part)
            if self._left_bytes < 0:
                raise ValueError("the answer is too long")
        return events

    def _data(self, event: ServerEvent) -> list[bytes]:
        """Return the JSON of an event, if it has any."""
        data = event.data.strip()
        self.is_done = self.is_done or data == _DONE
        if event.name == "error":
            return [error_data(data)]
        if not data.startswith((b"{", b"[")) or data == _DONE:
            return []
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            self.is_done = False  # it was cut
            return []
        return [data] if event.name != STRAY_JSON or is_error(body) else []


class Exchange:
    """Sends requests to the server of ``engine.url``; connections are reused.

    Args:
        settings: Names the URL, the proxy, the certificates and the variable with the API key.
        errors: Makes the errors of this server.
    """

    def __init__(self, settings: EngineSettings, errors: RemoteErrors) -> None:
        self._settings = settings
        self._errors = errors
        self._transport: Transport | None = None

    async def reply(self, method: str, path: str, body: Mapping[str, Any] | None, patience_s: float) -> Reply:
        """Send a request and return the whole answer.

        Raises:
            TimeoutError: The server is connected, but does not answer in time.
            EngineUnavailableError: The server is not there, or does not speak HTTP.
        """
        try:
            data = b"" if body is None else json.dumps(body).encode()
            async with asyncio.timeout(patience_s):
                response = await self._connections().ask(method, path, data)
                whole = await _whole(response)
        except TimeoutError:
            raise
        except RedirectedError as error:
            raise self._errors.redirected(error) from error
        except (OSError, EOFError) as error:
            raise self._errors.unreachable(error) from error
        except ProtocolError as error:
            raise self._errors.wrong_protocol() from error
        return Reply(response.status, whole, response.retry_after_s)

    async def begin(self, path: str, body: Mapping[str, Any], reader: EventReader | LineReader) -> AnswerStream:
        """Send a request and return its answer once it has begun; cancelling closes the connection.

        A connection that breaks before that is tried again once.

        Raises:
            EngineUnavailableError: The server sends us elsewhere.
            OSError, EOFError: The server is not there, or the connection broke.
            ProtocolError, ValueError: The answer is not HTTP, or its first event is too long.
        """
        data = json.dumps(body).encode()
        try:
            try:
                return await self._begun(path, data, reader)
            except LostConnectionError:
                return await self._begun(path, data, type(reader)())
        except RedirectedError as error:
            raise self._errors.redirected(error) from error

    async def aclose(self) -> None:
        """Close all idle connections, and the others after their answers."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _begun(self, path: str, data: bytes, reader: EventReader | LineReader) -> AnswerStream:
        stream = AnswerStream(await self._connections().ask("POST", path, data), reader)
        try:
            await stream.begin()
        except BaseException:  # above all, cancellation
            stream.end()
            raise
        return stream

    def _connections(self) -> Transport:
        """Return the way to the server.

        Raises:
            EngineUnavailableError: The address or the key is invalid.
        """
        if self._transport is None:
            assert self._settings.url is not None
            address = server_address(self._settings.url, self._settings.api)
            key = api_key(self._settings.api_key_env)
            authorization = address.basic if key is None else f"Bearer {key}"
            self._transport = Transport(
                address,
                {} if authorization is None else {"Authorization": authorization},
                proxy=self._settings.proxy,
                ca_file=self._settings.ca_file,
            )
        return self._transport


async def _whole(response: HttpResponse) -> bytes:
    """Return the whole body of an answer, and close it.

    Raises:
        ProtocolError: The body is too long.
    """
    parts: list[bytes] = []
    left = _MAX_BODY_BYTES
    try:
        async with contextlib.aclosing(response.parts()) as arriving:
            async for part in arriving:
                parts.append(part)
                left -= len(part)
                if left < 0:
                    raise ProtocolError("the body is too long")
    finally:
        await response.aclose()
    return b"".join(parts)
