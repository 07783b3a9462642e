"""A server on loopback that answers each request as the test says, down to the byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

DEADLINE_S = 20.0
OPEN = asyncio.Event()  # never set: a pause that only the client ends


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """The bytes of one answer; an event among them is a pause until it is set or the client has left."""

    parts: list[bytes | asyncio.Event]
    closes: bool = False
    resets: bool = False


def reply(
    body: bytes | list[bytes | asyncio.Event] | object = b"",
    status: int = 200,
    *,
    headers: dict[str, str] | None = None,
    framing: str = "length",
) -> Reply:
    """Return an answer; ``framing`` is how its end is known: ``length``, ``chunked`` or ``close``."""
    given = body if isinstance(body, list) and all(isinstance(p, bytes | asyncio.Event) for p in body) else [body]
    parts = [part if isinstance(part, bytes | asyncio.Event) else json.dumps(part).encode() for part in given]
    named = dict(headers or {})
    if framing == "length":
        named["Content-Length"] = str(sum(len(part) for part in parts if isinstance(part, bytes)))
    elif framing == "chunked":
        named["Transfer-Encoding"] = "chunked"
        parts = [b"%x\r\n%s\r\n" % (len(p), p) if isinstance(p, bytes) else p for p in parts if p != b""]
        parts.append(b"0\r\n\r\n")
    else:
        named["Connection"] = "close"
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"
    return Reply([head.encode("latin-1"), *parts], closes=framing == "close")


def events(*bodies: object, end: str = "\n\n", framing: str = "chunked") -> Reply:
    """Return a stream of server-sent events, each with one JSON value or the given text as its data."""
    data = [body if isinstance(body, str) else json.dumps(body, ensure_ascii=False) for body in bodies]
    return reply([f"data: {one}{end}".encode() for one in data], framing=framing)


@dataclass
class ScriptedServer:
    """Answers with ``replies[path]``, in turn if there are several, the last one for ever."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    opened: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    default: Callable[[Heard], Reply] | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, target: str, *replies: Reply) -> None:
        self.replies[target] = list(replies)

    def asked(self, target: str) -> list[Heard]:
        return [one for one in self.heard if one.target == target]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.ensure_future(self.handle(reader, writer)))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        number = self.opened
        self.writers.append(writer)
        try:
            while (heard := await self._heard(reader, number)) is not None:
                self.heard.append(heard)
                if heard.method == "CONNECT":
                    if await self._connect(heard, reader, writer):
                        continue
                    return
                if not await self._play(self._reply(heard), reader, writer):
                    return
        except (ConnectionError, ValueError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def settled(self) -> None:
        """Return once all connections are closed."""
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _heard(self, reader: asyncio.StreamReader, number: int) -> Heard | None:
        first = await reader.readline()
        if not first:
            return None
        method, target, _ = first.decode("latin-1").split()
        headers = {}
        while line := (await reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Heard(method, target, headers, body, number)

    async def _connect(self, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Be a proxy: answer CONNECT as scripted, or else with a tunnel that ends at this machine's port."""
        if heard.target in self.replies or "CONNECT" in self.replies:
            script = self.replies.get(heard.target) or self.replies["CONNECT"]
            return await self._play(script[0], reader, writer)
        port = int(heard.target.rpartition(":")[2])
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while part := await source.read(65536):
                    target.write(part)
                    await target.drain()
            target.close()

        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))
        return False

    def _reply(self, heard: Heard) -> Reply:
        script = self.replies.get(heard.target)
        if script is None:
            return self.default(heard) if self.default else reply(b"404 page not found", 404)
        return script.pop(0) if len(script) > 1 else script[0]

    async def _play(self, one: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Write one answer; return whether the connection stays open."""
        for part in one.parts:
            if isinstance(part, asyncio.Event):
                gone = asyncio.create_task(reader.read(1))
                held = asyncio.create_task(part.wait())
                await asyncio.wait([gone, held], return_when=asyncio.FIRST_COMPLETED)
                held.cancel()
                if gone.done():
                    self.left.set()
                    return False
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
            else:
                writer.write(part)
                await writer.drain()
        if one.resets:
            writer.transport.abort()
        return not (one.closes or one.resets)


@contextlib.asynccontextmanager
async def scripted_server(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[ScriptedServer]:
    """Run a server on a free port."""
    server = ScriptedServer()
    listening = await asyncio.start_server(server.accept, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in server.writers:
            writer.transport.abort()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*server.tasks, return_exceptions=True)
