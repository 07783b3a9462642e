"""An engine for measurements that answers at once, and counts how often it was asked.

It serves llama.cpp's ``/infill`` on loopback, which names the text before the cursor.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

# Enough of the text before the cursor to find it again in the original.
_PLACE_CHARS = 200
_MAX_LINES = 3


class StubAnswers(Enum):
    """What the engine answers."""

    RIGHT = "right"
    """The original text of the next lines."""
    WRONG = "wrong"
    """A name that the typist does not type."""
    NONE = "none"
    """Nothing."""


class StubEngine:
    """Answers as a function of the prompt, so that the same request always gets the same answer.

    Args:
        answers: The kind of its answers.
        original: The text that the typist retypes a part of.

    Attributes:
        requests: How many completions it was asked for.
    """

    def __init__(self, answers: StubAnswers, original: str) -> None:
        self.requests = 0
        self._answers = answers
        self._original = original

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Accept connections on loopback; yields the URL."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def text_after(self, prefix: str) -> str:
        """Return the answer at the end of ``prefix``."""
        if self._answers is StubAnswers.NONE:
            return ""
        if self._answers is StubAnswers.WRONG:
            return "_zq" if prefix[-1:].isalnum() or prefix[-1:] in "_)]" else "zq"
        place = prefix[-_PLACE_CHARS:]
        start = self._original.find(place) + len(place)
        return "".join(self._original[start:].splitlines(keepends=True)[:_MAX_LINES]) if start >= len(place) else ""

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip() or b"0"
                body = await reader.readexactly(int(length))
                method, path, _ = head.split(b" ", 2)
                writer.write(self._response(method, path, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _response(self, method: bytes, path: bytes, body: bytes) -> bytes:
        if (method, path) == (b"post", b"/infill"):
            self.requests += 1
            return _http(
                200, b"text/event-stream", b"data: %b\n\n" % json.dumps(self._answer(json.loads(body))).encode()
            )
        if (method, path) == (b"get", b"/v1/models"):
            return _http(200, b"application/json", json.dumps({"data": [{"id": "stub"}]}).encode())
        return _http(404, b"application/json", b'{"error": {"code": 404, "message": "Not found"}}')

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        text = self.text_after(str(request["input_prefix"]) + str(request["prompt"]))
        for stop in request.get("stop") or []:
            text = text.partition(stop)[0]
        return {"content": text, "stop": True, "stop_type": "word", "tokens_predicted": 1, "tokens_evaluated": 1}


def _http(status: int, kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d -\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (status, kind, len(body), body)
