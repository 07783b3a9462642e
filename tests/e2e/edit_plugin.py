"""A plugin that asks for next edits, over real stdio."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tests.e2e.wire import Wire

URI = "file:///w/a.py"
TEXT = "s = '😀'\ndef f(count):\n    x = '😀', count\n    return count\n"
Start = Callable[..., Coroutine[Any, Any, "Plugin"]]


class Plugin:
    """A plugin that asks for next edits of one document, in the units that the server chose."""

    def __init__(self, wire: Wire, answer: dict[str, Any], text: str, uri: str, *, focuses: bool = True) -> None:
        self.wire, self.text, self.uri, self.version = wire, text, uri, 1
        self.server_name = answer["result"]["serverInfo"]["name"]
        self.units = answer["result"]["capabilities"]["positionEncoding"]
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.wire.send({"method": "initialized", "params": {}})
        self.wire.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
        if focuses:
            self.wire.send({"method": "textDocument/didFocus", "params": {"textDocument": {"uri": uri}}})

    def _position(self, offset: int) -> dict[str, int]:
        before = self.text[:offset]
        line = before[before.rfind("\n") + 1 :]
        size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[self.units]
        encoded = line.encode({"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[self.units])
        return {"line": before.count("\n"), "character": len(encoded) // size}

    def _offset(self, position: dict[str, int]) -> int:
        start = sum(len(line) + 1 for line in self.text.split("\n")[: position["line"]])
        return next(at for at in range(start, len(self.text) + 1) if self._position(at) == position)

    def replace(self, start: int, end: int, new: str) -> None:
        span = {"start": self._position(start), "end": self._position(end)}
        self.text, self.version = self.text[:start] + new + self.text[end:], self.version + 1
        identifier = {"uri": self.uri, "version": self.version}
        changes = [{"range": span, "text": new}]
        self.wire.send(
            {"method": "textDocument/didChange", "params": {"textDocument": identifier, "contentChanges": changes}}
        )

    def params(self, offset: int, version: int | None = None) -> dict[str, Any]:
        document = {"uri": self.uri, "version": self.version if version is None else version}
        return {"textDocument": document, "position": self._position(offset), "context": {"triggerKind": 2}}

    async def edits(self, offset: int, version: int | None = None) -> list[dict[str, Any]]:
        answer = await self.wire.ask("textDocument/copilotInlineEdit", self.params(offset, version), self.version)
        found: list[dict[str, Any]] = answer["result"]["edits"]
        return found

    async def take(self, edit: dict[str, Any]) -> None:
        """Apply an edit and run its command."""
        assert edit["textDocument"] == {"uri": self.uri, "version": self.version}
        self.apply(edit)
        await self.run(edit["command"])

    def apply(self, edit: dict[str, Any]) -> None:
        start, end = (self._offset(edit["range"][side]) for side in ("start", "end"))
        self.replace(start, end, edit["text"])

    async def run(self, command: dict[str, Any]) -> dict[str, Any]:
        parameters = {name: command[name] for name in ("command", "arguments")}
        return await self.wire.ask("workspace/executeCommand", parameters, "command")
