"""HTTP requests to a remote server, in its own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.http import Connection, Pool, ProtocolError
from infill_completion.client.remote.address import api_key, remote_address
from infill_completion.client.remote.dialects.registry import DIALECTS
from infill_completion.client.remote.errors import RemoteErrors
from infill_completion.client.wire import EventReader, LineReader
from infill_completion.settings import EngineSettings

_LISTING_S = 10.0
_OTHER_SHAPE = (ValueError, KeyError, TypeError, AttributeError)


class RemoteServer:
    """Asks the server of ``engine.url`` in the protocol of ``engine.api``; one request, one HTTP exchange.

    Attributes:
        errors: Makes the errors of this server.
    """

    def __init__(self, settings: EngineSettings) -> None:
        assert settings.url is not None
        self._settings = settings
        self._dialect = DIALECTS[settings.api]()
        self._url = settings.url.rstrip("/").removesuffix(self._dialect.base_path)
        self.errors = RemoteErrors(self._url, settings)
        self._path = ""
        self._pool: Pool | None = None

    @property
    def has_all_choices(self) -> bool:
        """Whether one request returns all ``n`` choices."""
        return self._dialect.has_all_choices

    async def models(self) -> list[str]:
        """Return the names of the server's models; none if it has no list, but the settings name a model.

        Raises:
            EngineUnavailableError: The server does not answer, refuses us, or does not speak the protocol.
        """
        pool = await self._connections()
        try:
            async with asyncio.timeout(_LISTING_S):
                connection = await pool.ask("GET", self._path + self._dialect.models_path)
                body = await _whole(pool, connection)
        except (OSError, EOFError) as error:
            raise self.errors.unreachable(error) from error
        except ProtocolError as error:
            raise self.errors.wrong_protocol() from error
        if connection.status in {404, 405} and self._settings.model != "auto":
            return []  # it may still complete
        if connection.status != 200:
            raise self.errors.refused(connection.status, body, connection.retry_after_s)
        try:
            return self._dialect.models(json.loads(body))
        except _OTHER_SHAPE as error:
            raise self.errors.wrong_protocol() from error

    async def stream(
        self, request: CompletionRequest, model: str, index: int, until: float
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of choice ``index``, or of all choices; closing the iterator closes the connection.

        Args:
            request: What to complete.
            model: The server's name for the model.
            index: The choice.
            until: The deadline, on the event loop's clock.

        Raises:
            TimeoutError: The deadline passed.
            EngineUnavailableError: The server does not answer, refuses the request, or does not speak the protocol.
        """
        pool = await self._connections()
        try:
            connection = await self._opened(pool, request, model, index, until)
            try:
                async with contextlib.aclosing(self._events(connection, until)) as events:
                    async for data in events:
                        for chunk in self._chunks(data, index):
                            yield chunk
            finally:
                pool.release(connection)
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            raise self.errors.unreachable(error) from error
        except (ProtocolError, ValueError) as error:
            raise self.errors.wrong_protocol() from error

    def close(self) -> None:
        """Close all idle connections."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def _opened(self, pool: Pool, request: CompletionRequest, model: str, index: int, until: float) -> Connection:
        """Return a connection whose answer has status 200; its body is still to be read."""
        while True:
            body = json.dumps(self._dialect.request(request, model, index)).encode()
            async with asyncio.timeout_at(until):
                connection = await pool.ask("POST", self._path + self._dialect.completion_path, body)
                if connection.status == 200:
                    return connection
                answer = await _whole(pool, connection)
            if connection.status not in {400, 422} or not self._dialect.simplify():
                raise self.errors.refused(connection.status, answer, connection.retry_after_s)

    async def _events(self, connection: Connection, until: float) -> AsyncGenerator[bytes, None]:
        """Yield the events or lines of an answer, or the whole body if the server does not stream."""
        reader = LineReader() if self._dialect.is_line_based else EventReader()
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
                yield data
        if unread is not None:
            yield unread

    def _chunks(self, data: bytes, index: int) -> list[Chunk]:
        if data == b"[DONE]":
            return []
        try:
            body = json.loads(data)
            if body.get("error"):  # some servers send a null with every event
                raise self.errors.failed(data)
            return self._dialect.chunks(body, index)
        except _OTHER_SHAPE as error:
            raise self.errors.wrong_protocol() from error

    async def _connections(self) -> Pool:
        if self._pool is None:
            address, self._path = await remote_address(self._url, api_key(self._settings.api_key_env))
            self._pool = Pool(address)
        return self._pool


async def _whole(pool: Pool, connection: Connection) -> bytes:
    try:
        return b"".join([part async for part in connection.parts()])
    finally:
        pool.release(connection)
