"""The language server's face: bytes of frames, and messages of any content."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any
from unittest import mock

from pygls.protocol import default_converter

from infill_completion.api import Chunk, CompletionRequest, EngineState, FinishReason, Health
from infill_completion.client import connect
from infill_server.features import add_features
from infill_server.language_server import InfillServer
from infill_server.lsp.transport import Framer, FramingError

_CONVERTER = default_converter()
_PROBE = "the fuzzer's probe"
_SETTLE_S = 15.0
URI = "file:///nowhere/a.py"


def _frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Framing:
    """Bytes of frames: the same bodies however the bytes are cut, or an error that ends the connection."""

    name = "framing"

    def seeds(self) -> Sequence[bytes]:
        """Return good streams and one with other headers."""
        one, two = _frame(b'{"jsonrpc": "2.0"}'), _frame("{}é".encode())
        typed = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:2\r\n\r\n{}"
        return [one, one + two, typed + one, b"GET / HTTP/1.1\r\n\r\n"]

    def run(self, data: bytes) -> None:
        """Feed the stream whole and byte by byte."""
        whole = _bodies([data])
        assert whole == _bodies([data[at : at + 1] for at in range(len(data))])
        assert whole == _bodies([data[:7], data[7:]])


def _bodies(parts: list[bytes]) -> list[bytes]:
    framer, found = Framer(), []
    try:
        for part in parts:
            for body in framer.feed(part):
                found.append(body)  # noqa: PERF402  # those before an error count, too
    except FramingError:
        found.append(b"broken")
    return found


class _SteadyEngine:
    """An engine that is ready at once and always gives the same answer."""

    def __init__(self, on_health: Any) -> None:
        self._on_health = on_health

    async def start(self) -> None:
        self._on_health(Health(EngineState.READY, "steady"))

    async def aclose(self) -> None:
        pass

    async def health(self) -> Health:
        return Health(EngineState.READY, "steady")

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        for index in range(request.n):
            yield Chunk(index, "value + 1", FinishReason.STOP)


class LanguageServerMessages:
    """A session of messages: every request is answered once, nothing fails inside, and the server still answers."""

    name = "lsp"

    def seeds(self) -> Sequence[bytes]:
        """Return sessions as JSON lists of messages."""
        return [json.dumps(session).encode() for session in (*SESSIONS, [*_START, *SESSIONS[0]])]

    def run(self, data: bytes) -> None:
        """Play the session against a server in this process."""
        try:
            messages = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(messages, list):
            engine_for = mock.patch.object(connect, "engine_for", lambda _settings, on_health: _SteadyEngine(on_health))
            messages = messages[:40]
            if not any(isinstance(message, dict) and message.get("method") == "initialize" for message in messages):
                messages = [*_START, *messages]
            with engine_for, _InternalErrors() as errors:
                asyncio.run(_play(messages))
            assert not errors.found, errors.found[0]


class _InternalErrors(logging.Handler):
    """Collects what the product logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def __enter__(self) -> _InternalErrors:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Record the message."""
        self.found.append(record.getMessage())


class _Wire:
    """Collects what the server writes."""

    def __init__(self) -> None:
        self._framer = Framer()
        self.answers: Counter[str] = Counter()
        self.changed = asyncio.Event()

    def write(self, data: bytes) -> None:
        """Take frames of the server."""
        for body in self._framer.feed(data):
            message = json.loads(body)
            assert message["jsonrpc"] == "2.0"
            if "method" not in message:
                assert ("result" in message) != ("error" in message)
                self.answers[json.dumps(message.get("id"))] += 1
        self.changed.set()

    async def wait_for(self, expected: Counter[str]) -> None:
        """Wait until every id in ``expected`` has its answers."""
        async with asyncio.timeout(_SETTLE_S):
            while expected - self.answers:
                self.changed.clear()
                await self.changed.wait()


async def _play(messages: list[Any]) -> None:
    server = InfillServer()
    server.protocol._converter = _CONVERTER  # a new one has to compile all types again
    add_features(server)
    wire = _Wire()
    server.protocol.set_writer(wire)  # type: ignore[arg-type]  # all that the protocol calls is `write`
    required: Counter[str] = Counter()
    permitted: Counter[str] = Counter({"null": len(messages)})
    for message in [*messages, _request(_PROBE, "workspace/executeCommand", _STATISTICS)]:
        if isinstance(message, dict) and isinstance(message.get("id"), int | str):
            permitted[json.dumps(message["id"])] += 1
            is_request = message.get("jsonrpc") == "2.0" and isinstance(message.get("method"), str)
            required[json.dumps(message["id"])] += is_request
        server.protocol.receive(json.dumps(message).encode())
        if server.protocol.exit_code is not None:
            break
        await asyncio.sleep(0)
    try:
        await wire.wait_for(required)
    except TimeoutError:
        raise AssertionError(f"not answered: {dict(required - wire.answers)}") from None
    finally:
        await server.session.aclose()
    assert not wire.answers - permitted, f"answered too often: {dict(wire.answers - permitted)}"


_STATISTICS = {"command": "infill.statistics", "arguments": []}
_AT = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 11}}


def _request(number: int | str, method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def _note(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _change(version: int, text: str, line: int, character: int) -> dict[str, Any]:
    position = {"line": line, "character": character}
    changes = [{"range": {"start": position, "end": position}, "text": text}]
    return _note(
        "textDocument/didChange", {"textDocument": {"uri": URI, "version": version}, "contentChanges": changes}
    )


_INLINE = {**_AT, "context": {"triggerKind": 2}}
_START = [
    _request(1, "initialize", {
        "processId": None, "rootUri": None, "workspaceFolders": [{"uri": "file:///nowhere", "name": "nowhere"}],
        "clientInfo": {"name": "Neovim"}, "initializationOptions": {"completion": {"debounce_ms": 0}},
        "capabilities": {"general": {"positionEncodings": ["utf-16"]}, "workspace": {"configuration": False}},
    }),
    _note("initialized", {}),
    _note("textDocument/didOpen", {"textDocument": {
        "uri": URI, "languageId": "python", "version": 1, "text": "def f(value):\n    return \n\nprint(f(1))\n",
    }}),
]  # fmt: skip
_CELL = {"uri": "vscode-notebook-cell:/nowhere/b.ipynb#1", "languageId": "python", "version": 1, "text": "x = 1\n"}
_BOOK = {
    "uri": "file:///nowhere/b.ipynb", "notebookType": "jupyter-notebook", "version": 1,
    "cells": [{"kind": 2, "document": _CELL["uri"]}],
}  # fmt: skip
SESSIONS: tuple[list[dict[str, Any]], ...] = (
    [_request(2, "textDocument/inlineCompletion", _INLINE), _request(3, "textDocument/completion", _AT)],
    [
        _change(2, "v", 1, 11), _request(2, "textDocument/inlineCompletion", _INLINE), _change(3, "alue", 1, 12),
        _request(3, "textDocument/inlineCompletion", _INLINE), _note("$/cancelRequest", {"id": 3}),
        _request(4, "workspace/executeCommand", {"command": "infill.explain", "arguments": [_AT]}),
        _request(5, "workspace/executeCommand", {"command": "infill.accepted", "arguments": [URI, "value + 1"]}),
        _request(6, "workspace/executeCommand", {"command": "infill.toggle"}),
        _note("textDocument/didClose", {"textDocument": {"uri": URI}}),
        _request(7, "shutdown", None), _note("exit", None),
    ],
    [
        _note("notebookDocument/didOpen", {"notebookDocument": _BOOK, "cellTextDocuments": [_CELL]}),
        _note("notebookDocument/didChange", {
            "notebookDocument": {"uri": _BOOK["uri"], "version": 2},
            "change": {"cells": {
                "structure": {"array": {"start": 1, "deleteCount": 0, "cells": []}, "didOpen": [], "didClose": []},
                "textContent": [{"document": {"uri": _CELL["uri"], "version": 2}, "changes": [{"text": "y = 2\n"}]}],
            }},
        }),
        _request(2, "textDocument/inlineCompletion", {
            "textDocument": {"uri": _CELL["uri"]}, "position": {"line": 1, "character": 0},
            "context": {"triggerKind": 1, "selectedCompletionInfo": {"range": {
                "start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}}, "text": "y"}},
        }),
        _note("notebookDocument/didClose", {"notebookDocument": {"uri": _BOOK["uri"]}, "cellTextDocuments": [_CELL]}),
    ],
    [
        _note("workspace/didChangeConfiguration", {"settings": {"infill": {"completion": {"multiline": "always"}}}}),
        _note("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": []}}),
        _note("textDocument/didFocus", {"textDocument": {"uri": URI}}),
        _note("textDocument/didPartiallyAcceptCompletion", {"item": {"insertText": "v"}, "acceptedLength": 1}),
        _request("a", "textDocument/inlineCompletion", _INLINE),
    ],
)  # fmt: skip
