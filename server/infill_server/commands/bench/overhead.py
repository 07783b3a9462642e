"""The overhead of the language server itself: typing in a large file with an engine that answers at once.

The engine is a stub at ``engine.url``, so each key takes the whole path: the edit, the snapshot, the windows, other
files, a request over HTTP, the filters, the items.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from infill_completion.languages.registry import language_id_of
from infill_server.harness import Editor

FILE_BYTES = 1_000_000
LOAD_DEADLINE_S = 30.0
# The stub's answer.  The typist never types it, so no request is answered from memory.
STUB_TEXT = "§"


@asynccontextmanager
async def stub() -> AsyncIterator[str]:
    """Serve OpenAI's completions API, always with the same text; yields the URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip() or b"0"
                await reader.readexactly(int(length))
                if head.startswith(b"get"):
                    kind, body = b"application/json", json.dumps({"data": [{"id": "stub"}]}).encode()
                else:
                    choice = {"index": 0, "text": STUB_TEXT, "finish_reason": "stop"}
                    kind = b"text/event-stream"
                    body = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\ndata: [DONE]\n\n"
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)))
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def overhead(paths: Sequence[Path], *, keys: int, settings: dict[str, Any]) -> list[float]:
    """Return the milliseconds from key to answer of ``keys`` keys typed in the middle of a file of `FILE_BYTES`.

    The file repeats the text of ``paths`` and is in a temporary folder.
    """
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    text = (text * (FILE_BYTES // len(text) + 1))[:FILE_BYTES]
    start = text.find("\n", FILE_BYTES // 2) + 1
    name = f"large{paths[0].suffix}"
    async with stub() as url:
        with tempfile.TemporaryDirectory() as folder:
            merged = {**settings, "engine": {**settings.get("engine", {}), "url": url, "model": "codellama"}}
            merged["completion"] = {**settings.get("completion", {}), "debounce_ms": 0}
            editor = Editor(merged)
            await editor.start(Path(folder))
            await editor.loaded(LOAD_DEADLINE_S)
            document = editor.open(Path(folder, name), language_id_of(name), text[:start] + "\n" + text[start:], start)
            took = []
            for number in range(keys):
                editor.type(document, "value = "[number % 8] if number % 40 else "\n")
                began = time.perf_counter()
                await editor.inline(document)
                took.append((time.perf_counter() - began) * 1000)
            await editor.stop()
    return took
