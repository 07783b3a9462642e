"""HTTP exchanges with one remote server: whole replies, and answers that arrive event by event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from infill_completion.client.http import Connection, Pool, ProtocolError
from infill_completion.client.remote.address import api_key, remote_address
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.wire import EventReader, LineReader
from infill_completion.settings import EngineSettings

_OK = 200


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
    """

    def __init__(self, pool: Pool, connection: Connection, reader: EventReader | LineReader) -> None:
        self.refusal: Reply | None = None
        self.first: list[bytes] = []
        self._pool = pool
        self._connection = connection
        self._reader = reader
        self._parts = connection.parts()
        self._unread: bytes | None = b""

    async def begin(self) -> None:
        """Read until the first event, or to the end of a refusal."""
        if self._connection.status != _OK:
            body = b"".join([part async for part in self._parts])
            self.refusal = Reply(self._connection.status, body, self._connection.retry_after_s)
            return
        while not self.first and (part := await anext(self._parts, None)) is not None:
            self.first = self._read(part)
        if not self.first and self._unread is not None:
            self.first = [self._unread]  # the whole answer, from a server that does not stream

    async def events(self, until: float) -> AsyncGenerator[bytes, None]:
        """Yield the events or lines of the answer, from the first one on.

        Raises:
            TimeoutError: The time ``until``, on the event loop's clock, has come.
        """
        for event in self.first:
            yield event
        while True:
            async with asyncio.timeout_at(until):
                part = await anext(self._parts, None)
            if part is None:
                return
            for event in self._read(part):
                yield event

    def end(self) -> None:
        """Keep the connection for the next request, or close it if the answer was not read to the end."""
        self._pool.release(self._connection)

    def _read(self, part: bytes) -> list[bytes]:
        events = self._reader.feed(part)
        if self._unread is not None:
            self._unread = None if events else self._unread + part
        return events


class Exchange:
    """Sends requests to the server of ``engine.url``; connections are reused.

    Args:
        settings: Names the URL and the variable with the API key.
        url: The URL without what the protocol adds to it.
        errors: Makes the errors of this server.
    """

    def __init__(self, settings: EngineSettings, url: str, errors: RemoteErrors) -> None:
        self._settings = settings
        self._url = url
        self._errors = errors
        self._prefix = ""
        self._pool: Pool | None = None

    async def reply(self, method: str, path: str, body: Mapping[str, Any] | None, patience_s: float) -> Reply:
        """Send a request and return the whole answer.

        Raises:
            TimeoutError: The server is connected, but does not answer in time.
            EngineUnavailableError: The server is not there, or does not speak HTTP.
        """
        try:
            pool = await self._connections()
            data = b"" if body is None else json.dumps(body).encode()
            async with asyncio.timeout(patience_s):
                connection = await pool.ask(method, self._prefix + path, data)
                try:
                    whole = b"".join([part async for part in connection.parts()])
                finally:
                    pool.release(connection)
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            raise self._errors.unreachable(error) from error
        except ProtocolError as error:
            raise self._errors.wrong_protocol() from error
        return Reply(connection.status, whole, connection.retry_after_s)

    async def begin(self, path: str, body: Mapping[str, Any], reader: EventReader | LineReader) -> AnswerStream:
        """Send a request and return its answer once it has begun; cancelling closes the connection.

        Raises:
            OSError, EOFError: The server is not there, or the connection broke.
            ProtocolError, ValueError: The answer is not HTTP, or its first event is too long.
        """
        pool = await self._connections()
        connection = await pool.ask("POST", self._prefix + path, json.dumps(body).encode())
        stream = AnswerStream(pool, connection, reader)
        try:
            await stream.begin()
        except BaseException:  # above all, cancellation
            stream.end()
            raise
        return stream

    def close(self) -> None:
        """Close all idle connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def _connections(self) -> Pool:
        if self._pool is None:
            address, self._prefix = await remote_address(self._url, api_key(self._settings.api_key_env))
            self._pool = Pool(address)
        return self._pool
