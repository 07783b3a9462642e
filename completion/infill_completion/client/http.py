"""One HTTP/1.1 connection to our own engine, over a Unix socket or TCP, and a pool of them.

Each keystroke cancels the request of the previous one, so closing a connection in any state must be cheap and must not
leak anything.  A general HTTP library would also slow down the start of the language server; remote engines have one
(`remote/transport`).  Only what our engine sends is supported: no compression, no redirects, and trailers are ignored.

Source of the format: RFC 9112.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

_CONNECT_S = 5.0
_MAX_IDLE = 8
_MAX_PART_BYTES = 1 << 16
_WITHOUT_BODY = frozenset({204, 304})
_DIGITS = re.compile(r"[0-9]{1,18}")
_HEX_DIGITS = re.compile(rb"[0-9a-fA-F]{1,15}")


@dataclass(frozen=True)
class Address:
    """Where an engine listens: a Unix socket, or TCP with an optional token."""

    socket: Path | None = None
    host: str = ""
    port: int = 0
    token: str | None = None

    def __str__(self) -> str:
        """Return the address in readable form."""
        return str(self.socket) if self.socket else f"http://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        if self.socket is not None:
            return "localhost"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ProtocolError(Exception):
    """The answer is not HTTP, or uses a feature that engines do not use."""


class Connection:
    """An open connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._length: int | None = None  # None: until the end of the connection
        self._is_chunked = False
        self._closes = False
        self.status = 0
        self.retry_after_s = 0.0
        self.is_done = False

    @classmethod
    async def open(cls, address: Address) -> Connection:
        """Connect.

        Raises:
            OSError: Nothing listens.
        """
        async with asyncio.timeout(_CONNECT_S):  # TimeoutError is an OSError
            if address.socket is not None:
                return cls(*await asyncio.open_unix_connection(address.socket))
            return cls(*await asyncio.open_connection(address.host, address.port))

    @property
    def is_usable(self) -> bool:
        """Whether the connection is still open on both ends."""
        return not (self._closes or self._writer.is_closing() or self._reader.at_eof())

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send a request and read the head of its answer.

        Sets :attr:`status` to the status code and :attr:`retry_after_s` to the wait that the server asks for.

        Raises:
            OSError, EOFError: The connection broke.
            ProtocolError: The answer is not HTTP.
        """
        self.status, self.is_done = 0, False
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        lines.append(f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await self._writer.drain()
        try:
            code, found = await self._head()
            while 100 <= code < 200:  # informational answers such as "Continue" come first
                code, found = await self._head()
            self._set_framing(code, found)
            self.retry_after_s = retry_after_seconds(found.get("retry-after", ""))
            self._closes = found.get("connection", "").lower() == "close"
            self.status = code
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise ProtocolError(type(error).__name__) from error

    def _set_framing(self, code: int, found: Mapping[str, str]) -> None:
        """Set how the end of the body is known.

        Raises:
            ProtocolError: The head says it in a way that our engine never does.
        """
        if found.get("content-encoding", "identity").lower() != "identity":
            raise ProtocolError("compressed")
        coding, length = found.get("transfer-encoding", "").lower(), found.get("content-length")
        if coding not in {"", "chunked"} or (length is not None and not _DIGITS.fullmatch(length)):
            raise ProtocolError("unknown framing")
        self._is_chunked = bool(coding)
        self._length = None if length is None else int(length)
        if code in _WITHOUT_BODY:
            self._is_chunked, self._length = False, 0

    async def _head(self) -> tuple[int, dict[str, str]]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        version, code, *_ = status.split(" ")
        if not version.startswith("HTTP/1."):
            raise ProtocolError(version)
        pairs = (field.partition(":") for field in fields)
        return int(code), {name.strip().lower(): value.strip() for name, _, value in pairs}

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield the body of the answer as it arrives; after the end the connection can be reused."""
        if self._is_chunked:
            while size := await self._chunk_size():
                chunk = await self._reader.readexactly(size + 2)
                if not chunk.endswith(b"\r\n"):
                    raise ProtocolError("bad chunk")
                yield chunk[:-2]
            await self._skip_trailers()
        elif self._length is not None:
            yield await self._reader.readexactly(self._length)
        else:
            while part := await self._reader.read(_MAX_PART_BYTES):
                yield part
        self.is_done = True

    async def _skip_trailers(self) -> None:
        try:
            while await self._reader.readuntil(b"\r\n") != b"\r\n":
                pass
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("a trailer is too long") from error

    async def _chunk_size(self) -> int:
        try:
            size = (await self._reader.readuntil(b"\r\n")).partition(b";")[0].strip()
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("bad chunk") from error
        if not _HEX_DIGITS.fullmatch(size):  # `int` takes signs, underscores and blanks too
            raise ProtocolError("bad chunk")
        return int(size, 16)

    def close(self) -> None:
        """Close immediately, even in the middle of an answer."""
        self._writer.transport.abort()


def retry_after_seconds(retry_after: str) -> float:
    """Return the seconds of a ``Retry-After``, or 0 if it is a date: that depends on two clocks that may disagree."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7 else 0.0


class Pool:
    """Connections to one address, which are reused if their answers were read to the end.

    Args:
        address: Where to connect.
        headers: Sent with every request.
    """

    def __init__(self, address: Address, headers: Mapping[str, str] | None = None) -> None:
        self.address = address
        self._headers = headers or {}
        self._idle: list[Connection] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> Connection:
        """Send a request and return its connection after the head of the answer; give it back with :meth:`release`.

        Raises:
            OSError, EOFError, ProtocolError: As :meth:`Connection.ask`.
        """
        headers = {"Host": self.address.authority, "Content-Type": "application/json", **self._headers}
        if self.address.token is not None:
            headers["Authorization"] = f"Bearer {self.address.token}"
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                try:
                    return await self._asked(connection, method, path, headers, body)
                except (OSError, EOFError):
                    self.close()  # the engine closed it, and so the others too, or ended; a new one may run
                    break
            connection.close()
        return await self._asked(await Connection.open(self.address), method, path, headers, body)

    async def _asked(
        self, connection: Connection, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Connection:
        try:
            await connection.ask(method, path, headers, body)
        except BaseException:  # above all, cancellation
            connection.close()
            raise
        return connection

    def release(self, connection: Connection) -> None:
        """Keep ``connection`` for the next request, or close it if its answer was not read to the end."""
        if connection.is_done and connection.is_usable and len(self._idle) < _MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()
