"""HTTP/1.1 to one remote server: a pool of connections, proxies, redirects, lost connections and compression.

The library is imported with the first request, off the event loop: it takes 40 ms, and only remote engines need it.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from infill_completion import __version__
from infill_completion.client.remote.address import DEFAULT_PORTS, ServerAddress, authority, public_url
from infill_completion.client.remote.transport.failures import (
    LostConnectionError,
    ProxyFailedError,
    RedirectedError,
    translated,
)
from infill_completion.client.remote.transport.proxies import ProxyAddress, for_library, proxy_for
from infill_completion.client.remote.transport.response import Connections, HttpResponse, Lease, discard
from infill_completion.client.remote.transport.trust import tls_context

if TYPE_CHECKING:
    import httpcore2

_CONNECT_S = 5.0
_MAX_IDLE = 8
# Routers and load balancers forget a silent connection without a word, often after a minute.
_MAX_IDLE_S = 50.0
# The name of a server may lead elsewhere after a while.
_MAX_AGE_S = 600.0
# A request that is given up after this time without an answer may have met a connection that died unnoticed, and then
# the others are dead too: the computer has moved to another network, say.
_SILENT_S = 0.5
_MAX_REDIRECTS = 5
_IN_LOCATIONS = "%:/?#[]@!$&'()*+,;="
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Transport:
    """Sends requests to one server and follows its redirects on the same host.

    Args:
        address: The server.
        headers: Sent with every request to it, never to another host.
        proxy: The setting ``engine.proxy``.
        ca_file: The setting ``engine.ca_file``.
        clock: Returns the time in seconds.  It must go on while the computer sleeps, when connections die unnoticed.
    """

    def __init__(
        self,
        address: ServerAddress,
        headers: Mapping[str, str],
        *,
        proxy: str | None = None,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._headers = headers
        self._proxy = proxy
        self._ca_file = ca_file
        self._clock = clock
        self._connections: Connections | None = None
        self._tls: ssl.SSLContext | None = None
        self._moved: dict[str, str] = {}
        self._loading = asyncio.Lock()

    async def ask(self, method: str, path: str, body: bytes = b"") -> HttpResponse:
        """Send a request and return its answer after the head; a lost connection is tried again once.

        Args:
            method: The HTTP method.
            path: The protocol's path, such as ``/v1/completions``.
            body: JSON, or nothing.

        Raises:
            OSError: Nothing listens, the certificate is not trusted, or the connection broke twice.
            ProtocolError: The answer is not HTTP.
            RedirectedError: The server sends us to another host.
            EngineUnavailableError: The address of the proxy, or the file of certificates, is invalid.
        """
        first = url = self._moved.get(path) or self._address.url(path)
        is_permanent = True
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._asked_twice(method, url, body)
            if answer.status not in _REDIRECTS or not answer.location:
                if url != first and is_permanent:
                    self._moved[path] = url
                return answer
            await discard(answer)
            target = _joined(url, answer.location)
            if not _is_same_host(url, target):
                raise RedirectedError(public_url(target))
            is_permanent = is_permanent and answer.status in {301, 308}
            if answer.status == 303:
                method, body = "GET", b""
            url = target
        raise RedirectedError(public_url(url), is_circle=True)

    async def retire(self) -> None:
        """Close all idle connections, and the others after their answers."""
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.is_retired = True
            await connections.close_if_unused()

    async def aclose(self) -> None:
        """Close all idle connections, and the others after their answers; wait for those that are being closed."""
        if self._connections is not None:
            await asyncio.gather(*self._connections.closing)
        await self.retire()

    async def _asked_twice(self, method: str, url: str, body: bytes) -> HttpResponse:
        try:
            return await self._asked(method, url, body)
        except LostConnectionError:
            await self.retire()
            return await self._asked(method, url, body)

    async def _asked(self, method: str, url: str, body: bytes) -> HttpResponse:
        """Send one request over one connection."""
        scheme = urlsplit(url).scheme
        lease = Lease(await self._current(scheme))
        pool, proxy = lease.connections.pools[scheme]
        began_s = time.monotonic()
        try:
            answer = HttpResponse(await pool.handle_async_request(self._request(method, url, body)), lease)
        except BaseException as error:  # above all, cancellation
            if isinstance(error, asyncio.CancelledError) and time.monotonic() - began_s > _SILENT_S:
                lease.connections.is_retired = True
            await lease.end()
            if (failure := translated(error, proxy)) is error:
                raise
            raise failure from error
        if answer.status == 407 and proxy is not None:
            await discard(answer)
            raise ProxyFailedError(proxy, answer.status)
        return answer

    def _request(self, method: str, url: str, body: bytes) -> httpcore2.Request:
        import httpcore2

        parts = urlsplit(url)
        headers = {
            "Host": authority(parts.scheme, self._address.host, parts.port),
            "Accept": "application/json, text/event-stream",
            "Accept-Encoding": "identity",  # compression would hold tokens back
            "User-Agent": f"infill-ls/{__version__}",
            **self._headers,
        }
        if body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        return httpcore2.Request(
            method,
            httpcore2.URL(scheme=parts.scheme, host=self._address.host, port=port, target=target),
            headers=list(headers.items()),
            content=body,
            extensions={"timeout": {"connect": _CONNECT_S}},
        )

    async def _current(self, scheme: str) -> Connections:
        """Return the connections to use, with a pool for ``scheme``; those that are too old are closed."""
        async with self._loading:
            now_s, connections = self._clock(), self._connections
            if connections is not None and (
                connections.is_retired
                or not 0 <= now_s - connections.born_s < _MAX_AGE_S
                or (not connections.leases and not 0 <= now_s - connections.used_s < _MAX_IDLE_S)
            ):
                await self.retire()
                connections = None
            if connections is None:
                connections = self._connections = Connections(now_s, now_s)
            connections.used_s = now_s
            if scheme not in connections.pools:
                connections.pools[scheme] = await self._new_pool(scheme)
            return connections

    async def _new_pool(self, scheme: str) -> tuple[httpcore2.AsyncConnectionPool, ProxyAddress | None]:
        """Return a pool and the proxy that it uses."""
        proxy = proxy_for(replace(self._address, scheme=scheme), self._proxy)
        if self._tls is None and "https" in {scheme, proxy.scheme if proxy else ""}:
            # Reading the certificates of the system, or of SSL_CERT_FILE, takes a while.
            self._tls = await asyncio.to_thread(tls_context, self._ca_file)
        library = await asyncio.to_thread(importlib.import_module, "httpcore2")
        pool = library.AsyncConnectionPool(
            ssl_context=self._tls,
            proxy=None if proxy is None else for_library(proxy, self._tls),
            max_connections=None,
            max_keepalive_connections=_MAX_IDLE,
            keepalive_expiry=_MAX_IDLE_S,
        )
        return pool, proxy


def _joined(url: str, location: str) -> str:
    """Return the URL that ``Location`` means in an answer from ``url``; empty if it means none."""
    try:
        return urljoin(url, quote(location.encode("latin-1"), safe=_IN_LOCATIONS))
    except ValueError:
        return ""


def _is_same_host(url: str, target: str) -> bool:
    """Return whether ``target`` is the server of ``url``, or the same host with TLS.

    Another port can belong to another user of the host; with TLS it has to show the host's certificate.
    """
    try:
        before, after = urlsplit(url), urlsplit(target)
        ports = [parts.port or DEFAULT_PORTS.get(parts.scheme) for parts in (before, after)]
    except ValueError:
        return False
    if before.hostname != after.hostname:
        return False
    return (before.scheme, ports[0]) == (after.scheme, ports[1]) or (before.scheme, after.scheme) == ("http", "https")
