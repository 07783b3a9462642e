"""The answer to one request, and the connections that it is read from."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infill_completion.client.http import ProtocolError, retry_after_seconds
from infill_completion.client.remote.transport.content_coding import ContentDecoder
from infill_completion.client.remote.transport.failures import LostConnectionError
from infill_completion.client.remote.transport.proxies import ProxyAddress

if TYPE_CHECKING:
    import httpcore2

_MAX_DISCARDED_BYTES = 1 << 16


@dataclass(eq=False)
class Connections:
    """The pools of one age, and the number of answers in progress; retired ones are closed with the last answer.

    Attributes:
        born_s: When the first connection was opened, in seconds.
        used_s: When the last request was sent.
        pools: A pool and its proxy, for each URL scheme.
        leases: The number of answers in progress.
        is_retired: Whether no new request may use them.
        closing: Answers that are being closed.
    """

    born_s: float
    used_s: float
    pools: dict[str, tuple[httpcore2.AsyncConnectionPool, ProxyAddress | None]] = field(default_factory=dict)
    leases: int = 0
    is_retired: bool = False
    closing: set[asyncio.Task[None]] = field(default_factory=set)

    async def close_if_unused(self) -> None:
        """Close all connections if they are retired and no answer is read from them."""
        if self.is_retired and not self.leases:
            for pool, _ in self.pools.values():
                await pool.aclose()


class Lease:
    """The use of one of the connections by one request."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self._is_open = True
        connections.leases += 1

    async def end(self) -> None:
        """End the use; may be called again."""
        if self._is_open:
            self._is_open = False
            self.connections.leases -= 1
            await self.connections.close_if_unused()

    def in_background(self, closing: Coroutine[None, None, None]) -> None:
        """Run ``closing``; :meth:`Transport.aclose` waits for it."""
        task = asyncio.get_running_loop().create_task(closing)
        self.connections.closing.add(task)
        task.add_done_callback(self.connections.closing.discard)


class HttpResponse:
    """The answer to one request, after its head; must be closed.

    Attributes:
        status: The HTTP status.
        retry_after_s: The wait that the server asks for.
        is_delimited: Whether the server says where the body ends, other than by closing the connection.
        location: Where the server redirects to, or empty.
    """

    def __init__(self, response: httpcore2.Response, lease: Lease) -> None:
        self.status = response.status
        headers = {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in response.headers}
        self.retry_after_s = retry_after_seconds(headers.get("retry-after", ""))
        self.is_delimited = "content-length" in headers or "transfer-encoding" in headers
        self.location = headers.get("location", "")
        self._coding = headers.get("content-encoding", "")
        self._response = response
        self._lease = lease

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield the decoded body as it arrives.

        Raises:
            LostConnectionError: The connection broke.
            ProtocolError: The body is not what its head says.
        """
        import httpcore2

        try:
            decoder = ContentDecoder(self._coding)
            async with contextlib.aclosing(self._response.aiter_stream()) as encoded:
                async for part in encoded:
                    for decoded in decoder.decode(part):
                        yield decoded
            if not decoder.is_complete:
                raise ProtocolError("the compressed body is cut")
        except ValueError as error:
            raise ProtocolError(str(error)) from error
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            self._lease.connections.is_retired = True  # its other connections are as old, or lead the same way
            raise LostConnectionError(type(error).__name__) from error

    async def aclose(self) -> None:
        """Return the connection to the pool, or close it if the body was not read to the end; may be called again."""
        try:
            await self._response.aclose()
        finally:
            await self._lease.end()

    def abandon(self) -> None:
        """Do the same from where nothing can be awaited; it happens as soon as the event loop goes on."""
        self._lease.in_background(self.aclose())


async def discard(answer: HttpResponse) -> None:
    """Read and discard a short body, so that the connection can be used again, and close the answer."""
    try:
        size = 0
        async for part in answer.parts():
            size += len(part)
            if size > _MAX_DISCARDED_BYTES:
                break
    except (OSError, ProtocolError):
        pass
    finally:
        await answer.aclose()
