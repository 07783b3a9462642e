"""Plays a trace: a client that sends the recorded messages and waits for the answers in their order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infill_server.commands.replay.replay_server import ASKED
from infill_server.errors import UsageError
from infill_server.lsp.transport import Framer
from infill_server.recording.recorder import Event, is_completion, shown_items
from infill_server.recording.secret_tracking import scrubbed
from infill_server.recording.trace_file import RecordedSession
from infill_server.status import STATUS

LOAD_DEADLINE_S = 600.0
ANSWER_DEADLINE_S = 120.0
END_DEADLINE_S = 20.0

Json = dict[str, Any]


@dataclass(frozen=True)
class ReplayedRequest:
    """One request for suggestions, as it was answered in the trace and now.

    Attributes:
        number: Counts the requests from 1.
        kind: The last part of the LSP method.
        line: The cursor's line, from 1.
        expected: Text and range of each item in the trace, or the error code.
        got: The same, now.
        recorded_ms: How long the answer took in the trace.
        replayed_ms: How long it took now.
        skipped: Why the two are not compared; empty if they are.
    """

    number: int
    kind: str
    line: int
    expected: Any
    got: Any
    recorded_ms: float
    replayed_ms: float
    skipped: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether both answers are the same."""
        return bool(self.expected == self.got)


@dataclass
class Replayed:
    """The outcome of a replay.

    Attributes:
        requests: The requests for suggestions.
        prompts: The SHA-256 of each request to the engine, by its number.
        model: The hash of the model's files; None if the engine does not tell.
    """

    requests: list[ReplayedRequest] = field(default_factory=list)
    prompts: dict[int, str] = field(default_factory=dict)
    model: str | None = None


class Player:
    """Replays one trace.

    Args:
        path: The trace's file.
        trace: Its contents.
        settings: Settings that replace those of the trace.
        source: ``model`` to ask the model, ``recorded`` for what it said in the trace.
    """

    def __init__(self, path: Path, trace: RecordedSession, settings: Mapping[str, Any], source: str) -> None:
        self._path = path
        self._trace = trace
        self._settings = {**trace.header["settings"], **settings, "privacy.statistics": False}
        self._source = source
        self._answers: dict[object, asyncio.Future[Json]] = {}
        self._sent_s: dict[object, float] = {}
        self._status: asyncio.Future[tuple[str, str]] = asyncio.get_running_loop().create_future()
        self._replayed = Replayed()
        self._requests = {
            event.data["id"]: event for event in trace.events if event.kind == "client" and "id" in event.data
        }

    async def play(self) -> Replayed:
        """Return the outcome.

        Raises:
            UsageError: The model cannot be loaded, or the server ended.
        """
        async with self._server() as process:
            reading = asyncio.create_task(self._read(process))
            try:
                await self._open(process)
                for event in self._trace.events:
                    await self._replay(process, event)
                self._send(process, {"id": "shutdown", "method": "shutdown"})
                await self._answer("shutdown", END_DEADLINE_S)
                self._send(process, {"method": "exit"})
                await asyncio.wait_for(process.wait(), END_DEADLINE_S)
            except TimeoutError:
                raise UsageError("The server does not answer; report this together with the trace.") from None
            finally:
                reading.cancel()
        return self._replayed

    @contextlib.asynccontextmanager
    async def _server(self) -> AsyncIterator[asyncio.subprocess.Process]:
        command = (sys.executable, "-P", "-m", "infill_server.commands.replay.replay_server", self._path, self._source)
        # The settings are those of the trace, not the user's.
        environment = {**os.environ, "INFILL_LS_CONFIG": os.devnull}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _open(self, process: asyncio.subprocess.Process) -> None:
        client = self._trace.header["client"]
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": _replayable(client["capabilities"]),
            "clientInfo": {"name": client["name"]},
            "initializationOptions": self._settings,
            "workspaceFolders": self._trace.header["folders"],
        }
        self._send(process, {"id": "initialize", "method": "initialize", "params": params})
        await self._answer("initialize", END_DEADLINE_S)
        self._send(process, {"method": "initialized", "params": {}})
        kind, reason = await asyncio.wait_for(self._status, LOAD_DEADLINE_S)
        if kind == "Error":
            raise UsageError(reason or "The engine is not available; run `infill-ls doctor`.")

    async def _replay(self, process: asyncio.subprocess.Process, event: Event) -> None:
        if event.kind == "client":
            self._send(process, event.data)
        elif event.kind == "settings":
            params = {"settings": {"infill": {**event.data["settings"], **self._settings}}}
            self._send(process, {"method": "workspace/didChangeConfiguration", "params": params})
        elif event.kind == "answer":
            number = event.data["id"]
            message = await self._answer(number, ANSWER_DEADLINE_S)
            self._compare(event, message, (time.monotonic() - self._sent_s[number]) * 1000)

    def _compare(self, event: Event, message: Json, replayed_ms: float) -> None:
        number = event.data["id"]
        asked = self._requests[number]
        if not is_completion(asked):
            return
        skipped = "the model saw a secret that is masked here" if event.data.get("redacted") else ""
        if event.data.get("is_ready") is False:
            skipped = "the engine was not ready"
        self._replayed.requests.append(
            ReplayedRequest(
                len(self._replayed.requests) + 1,
                asked.data["method"].rpartition("/")[2],
                asked.data["params"]["position"]["line"] + 1,
                event.data.get("error", event.data.get("items")),
                _outcome(message),
                event.at_ms - asked.at_ms,
                replayed_ms,
                skipped,
            )
        )

    def _send(self, process: asyncio.subprocess.Process, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        if "id" in message:
            self._sent_s[message["id"]] = time.monotonic()
            self._answers[message["id"]] = asyncio.get_running_loop().create_future()
        assert process.stdin is not None
        process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _answer(self, msg_id: object, deadline_s: float) -> Json:
        if msg_id not in self._answers:
            raise UsageError("The trace answers a request that it does not hold; record the session again.")
        return await asyncio.wait_for(self._answers[msg_id], deadline_s)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        framer = Framer()
        while data := await process.stdout.read(65_536):
            for body in framer.feed(data):
                self._receive(process, json.loads(body))
        failure = UsageError("The server ended; report this together with the trace.")
        waiting: list[asyncio.Future[Any]] = [*self._answers.values(), self._status]
        for future in waiting:
            if not future.done():
                future.set_exception(failure)
                future.exception()  # retrieved, because asyncio would log it otherwise

    def _receive(self, process: asyncio.subprocess.Process, message: Json) -> None:
        method: str | None = message.get("method")
        params: Any = message.get("params")
        if method is None:
            if (waiting := self._answers.get(message.get("id"))) is not None and not waiting.done():
                waiting.set_result(message)
        elif "id" in message:
            self._send_answer(process, message["id"])
        elif method == STATUS and params["kind"] in {"Normal", "Error", "Inactive"} and not self._status.done():
            self._status.set_result((params["kind"], params["reason"]))
        elif method == ASKED:
            self._replayed.prompts[params["n"]] = params["sha256"]
            self._replayed.model = params["model"]

    def _send_answer(self, process: asyncio.subprocess.Process, msg_id: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": msg_id, "result": None}).encode()
        assert process.stdin is not None
        process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


def _replayable(capabilities: Json) -> Json:
    """Return capabilities without those for which the server would ask questions that a trace does not answer."""
    workspace = dict(capabilities.get("workspace") or {})
    for name in ("configuration", "didChangeConfiguration"):
        workspace.pop(name, None)
    return {**{name: value for name, value in capabilities.items() if name != "window"}, "workspace": workspace}


def _outcome(message: Json) -> Any:
    error = message.get("error")
    if error is not None:
        return error.get("code")
    return [{**item, "text": scrubbed(item["text"], ())} for item in shown_items(message.get("result"))]
