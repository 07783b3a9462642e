"""LSP's ``Content-Length`` framing over a pair of file descriptors.

Reading and writing have a thread each, so neither blocks the event loop, and a client that does not read its pipe
cannot stop us from reading ours.  (pygls' own runner switches threads three times per message, loses the exit code and
cannot end while a read is pending.)
"""

from __future__ import annotations

import asyncio
import logging
import queue
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator

log = logging.getLogger(__name__)

FLUSH_S = 2.0
_MAX_HEADER_BYTES = 16_384
# Python refuses to parse numbers of more than a few thousand digits.
_MAX_DIGITS = 20
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]')


class FramingError(Exception):
    """The bytes are not LSP; nothing after them can be read either."""


class Framer:
    """Splits a stream of bytes into message bodies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body_bytes: int | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Append ``data`` and yield the bodies that are now complete.

        Raises:
            FramingError: A header has no usable ``Content-Length``.
        """
        self._buffer += data
        while True:
            if self._body_bytes is None:
                self._body_bytes = self._take_header()
            if self._body_bytes is None or len(self._buffer) < self._body_bytes:
                return
            body = bytes(self._buffer[: self._body_bytes])
            del self._buffer[: self._body_bytes]
            self._body_bytes = None
            yield body

    def _take_header(self) -> int | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEADER_BYTES:
                raise FramingError("the client does not send LSP headers")
            return None
        header = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        for line in header.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < _MAX_DIGITS:
                return int(value)
        raise FramingError("a message has no Content-Length")


def without_inner(body: bytes) -> bytes:
    """Return a JSON object with every object and array in it replaced by ``null``."""
    kept, depth, start = [], 0, 0
    for match in _STRING_OR_BRACKET.finditer(body):
        mark = match.group()
        if mark in {b"[", b"{"}:
            depth += 1
            if depth == 2:
                kept += [body[start : match.start()], b"null"]
        elif mark in {b"]", b"}"}:
            depth -= 1
            if depth == 1:
                start = match.end()
    return b"".join([*kept, body[start:]])


class Reader:
    """Yields message bodies until the client disconnects."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        """Read with ``read``, which blocks and returns at most the given number of bytes, and no bytes at the end."""
        self._read = read
        self._bodies: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._loop = asyncio.get_running_loop()
        # A daemon: a read from a client that never writes must not keep the process alive.
        threading.Thread(target=self._run, name="read", daemon=True).start()
        while (body := await self._bodies.get()) is not None:
            yield body
            # The handler of a request is a task.  It takes its snapshot before the next message changes the document,
            # also where several messages wait and `get` returns at once.
            await asyncio.sleep(0)

    def end(self) -> None:
        """Stop as if the client had disconnected; call this on the event loop."""
        self._bodies.put_nowait(None)

    def _run(self) -> None:
        framer = Framer()
        try:
            while data := self._read(65_536):
                for body in framer.feed(data):
                    self._deliver(body)
        except OSError as error:
            log.warning("the client's pipe broke: %s", error)
        except FramingError as error:
            log.warning("%s; exiting", error)
        self._deliver(None)

    def _deliver(self, body: bytes | None) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bodies.put_nowait, body)


class Writer:
    """Sends messages in order, from a separate thread."""

    def __init__(self, write: Callable[[bytes], object], on_broken: Callable[[], object]) -> None:
        """Write with ``write``, which blocks and writes everything; call ``on_broken`` when the client is gone."""
        self._write_all = write
        self._on_broken = on_broken
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="write", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Queue a framed message."""
        self._messages.put(data)

    def close(self) -> None:
        """Wait until all queued messages are written, at most ``FLUSH_S`` if the client has stopped reading."""
        self._messages.put(None)
        self._thread.join(FLUSH_S)

    def _run(self) -> None:
        while (data := self._messages.get()) is not None:
            try:
                self._write_all(data)
            except (OSError, ValueError) as error:
                log.warning("the client no longer reads: %s", error)
                self._on_broken()
                return
