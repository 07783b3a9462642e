"""A client that sends any message over real stdio, well formed or not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.e2e.editor import within


class Wire:
    """A client that sends any message, well formed or not."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self._stdin, self._stdout = writer, reader

    def send(self, body: bytes | dict[str, Any]) -> None:
        """Write one message."""
        data = json.dumps({"jsonrpc": "2.0", **body}).encode() if isinstance(body, dict) else body
        self._stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))

    async def receive(self) -> dict[str, Any]:
        """Read one message."""
        header = await within(self._stdout.readuntil(b"\r\n\r\n"))
        length = int(header.split(b":")[1])
        message: dict[str, Any] = json.loads(await within(self._stdout.readexactly(length)))
        return message

    async def ask(self, method: str, params: Any, msg_id: Any = 7) -> dict[str, Any]:
        """Send a request and return its answer; requests and notifications of the server are skipped."""
        self.send({"id": msg_id, "method": method, "params": params})
        while (message := await self.receive()).get("id") != msg_id or "method" in message:
            pass
        return message

    def hang_up(self) -> None:
        """Close the pipe."""
        self._stdin.close()

    async def exit_code(self) -> int:
        """Wait until the process has ended."""
        code: int = await within(self.process.wait())
        return code
