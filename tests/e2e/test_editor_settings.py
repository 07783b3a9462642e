"""The editor's settings count whenever they come, and a remote engine gets nothing before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from infill_completion.document.snapshot import SkipReason
from tests.client.test_remote import CODELLAMA, Server, choice
from tests.e2e.editor import CONSOLE_SCRIPT
from tests.e2e.wire import Wire
from tests.scripted_engine import ScriptedEngine

ASKS = "workspace/configuration"
AWAITED = SkipReason.SETTINGS_AWAITED.value
URI = "file:///w/a.py"
SUGGESTED = "x = 1 + 1"  # replaces the line


class LateEditor(Wire):
    """An editor that announces its settings and answers only when the test says so."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        super().__init__(process, process.stdout, process.stdin)
        self.questions: list[str] = []
        self.messages: list[str] = []
        self.statuses: list[dict[str, Any]] = []
        self._number = 100

    async def greet(self, options: object = None) -> None:
        """Initialize the server and open a document."""
        capabilities = {"workspace": {"configuration": True}}
        hello = {"processId": None, "rootUri": None, "capabilities": capabilities, "initializationOptions": options}
        await self.ask("initialize", hello)
        self.send({"method": "initialized", "params": {}})
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = \n"}
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})

    async def read(self) -> dict[str, Any]:
        """Read and note one message."""
        message = await self.receive()
        method = message.get("method")
        if method == ASKS:
            self.questions.append(message["id"])
        elif method == "window/showMessage":
            self.messages.append(message["params"]["message"])
        elif method == "infill/status":
            self.statuses.append(message["params"])
        return message

    async def until_asked(self, count: int = 1) -> None:
        """Wait for the server's question."""
        while len(self.questions) < count:
            await self.read()

    async def until_status(self, kind: str, reason: str = "") -> None:
        """Wait until this is the status."""
        while not self.statuses or (self.statuses[-1]["kind"], self.statuses[-1]["reason"]) != (kind, reason):
            await self.read()

    def answer(self, question: int, *, result: object = None, error: object = None) -> None:
        """Answer one of the server's questions."""
        body = {"error": error} if error is not None else {"result": result}
        self.send({"id": self.questions[question], **body})

    async def request(self, method: str, params: object) -> Any:
        """Return the result of a request; what the server says meanwhile is noted."""
        self._number += 1
        self.send({"id": self._number, "method": method, "params": params})
        while (message := await self.read()).get("id") != self._number or "method" in message:
            pass
        return message["result"]

    async def suggestions(self, *, invoked: bool = True) -> list[str]:
        """Return the ghost texts at the end of the first line."""
        params = {
            "textDocument": {"uri": URI},
            "position": {"line": 0, "character": 4},
            "context": {"triggerKind": 1 if invoked else 2},
        }
        result = await self.request("textDocument/inlineCompletion", params)
        return [item["insertText"] for item in result["items"]]


@pytest.fixture
async def late(environment: dict[str, str]) -> AsyncIterator[LateEditor]:
    process = await asyncio.create_subprocess_exec(
        CONSOLE_SCRIPT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    yield LateEditor(process)
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.fixture
async def remote() -> AsyncIterator[Server]:
    """Run a remote server that completes everything with ``1 + 1``."""
    played = Server()
    played.answer("/v1/models", CODELLAMA)
    played.events("/v1/completions", choice("1 + 1", reason="stop"))
    listening = await asyncio.start_server(played.handle, "127.0.0.1", 0)
    played.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield played


def asks(url: str) -> dict[str, Any]:
    return {"engine": {"url": url, "api_key_env": ""}}


async def test_nothing_is_sent_to_a_remote_engine_before_the_first_answer(late: LateEditor, remote: Server) -> None:
    await late.greet(asks(remote.url))
    await late.until_status("Warning", AWAITED)
    assert await late.suggestions() == []
    assert (await late.request("workspace/executeCommand", {"command": "infill.restart", "arguments": []})) is None
    assert await late.suggestions() == []
    explained = await late.request(
        "workspace/executeCommand",
        {
            "command": "infill.explain",
            "arguments": [{"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}],
        },
    )
    assert explained["reason"] == AWAITED
    assert remote.asked == []
    late.answer(0, result=[{"privacy": {"ignore": ["**/other.py"]}}])
    await late.until_status("Normal")
    assert await late.suggestions() == [SUGGESTED]


@pytest.mark.parametrize("answer", [[{"privacy": {"ignore": ["a.py"]}}], {"infill": {"privacy.ignore": ["a.py"]}}])
async def test_a_late_answer_that_makes_the_file_private_counts(
    late: LateEditor, remote: Server, answer: object
) -> None:
    await late.greet(asks(remote.url))
    await late.until_status("Warning", AWAITED)
    late.answer(0, result=answer)
    await late.until_status("Normal")
    assert await late.suggestions() == []
    assert not [path for path, _, _ in remote.asked if "completions" in path]


async def test_nothing_is_sent_to_a_remote_engine_while_the_settings_file_is_damaged(
    environment: dict[str, str], late: LateEditor, remote: Server
) -> None:
    file = Path(environment["INFILL_LS_CONFIG"])
    file.write_text("[privacy\n")
    await late.greet(asks(remote.url))
    await late.until_asked()
    late.answer(0, result=[None])
    await late.until_status("Warning", SkipReason.SETTINGS_UNREADABLE.value)
    assert await late.suggestions() == []
    assert remote.asked == []
    file.write_text('[privacy]\nignore = ["b.py"]\n')
    await late.suggestions()  # a request looks at the file
    await late.until_status("Normal")
    assert await late.suggestions() == [SUGGESTED]


async def test_a_late_answer_that_switches_off_counts_for_the_local_engine(
    environment: dict[str, str], late: LateEditor
) -> None:
    with ScriptedEngine(default="1 + 1"):
        await late.greet()
        await late.until_status("Normal")  # it works with what is known
        assert await late.suggestions(invoked=False) == [SUGGESTED]
        late.answer(0, result=[{"completion": {"enabled": False}}])
        await late.until_status("Inactive", SkipReason.SWITCHED_OFF.value)
        assert await late.suggestions(invoked=False) == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"result": None}, ""),
        ({"result": []}, ""),
        ({"result": [None]}, ""),
        ({"result": [None, {"completion": {"seed": 1}}]}, ""),
        ({"result": [{"completion": {"seed": 1}}, {"completion": {"seed": 2}}]}, ""),
        ({"result": "off"}, "settings must be a table"),
        ({"result": [5]}, "settings must be a table"),
        ({"error": {"code": -32601, "message": "unknown method"}}, ""),
    ],
)
async def test_an_answer_without_settings_is_an_answer(
    late: LateEditor, remote: Server, answer: dict[str, Any], message: str
) -> None:
    await late.greet(asks(remote.url))
    await late.until_asked()
    late.answer(0, **answer)
    await late.until_status("Normal")
    assert await late.suggestions() == [SUGGESTED]
    assert [message in shown for shown in late.messages] == ([True] if message else [])


async def test_an_error_is_no_answer_and_the_editor_is_asked_again(late: LateEditor, remote: Server) -> None:
    await late.greet(asks(remote.url))
    await late.until_asked()
    late.answer(0, error={"code": -32603, "message": "not ready"})
    await late.until_asked(2)
    assert await late.suggestions() == []
    assert remote.asked == []
    late.answer(1, result=[{}])
    await late.until_status("Normal")
    assert await late.suggestions() == [SUGGESTED]


async def test_settings_that_are_pushed_are_an_answer(late: LateEditor, remote: Server) -> None:
    await late.greet(asks(remote.url))
    await late.until_status("Warning", AWAITED)
    for settings in (None, {"python": {"path": "x"}}):
        late.send({"method": "workspace/didChangeConfiguration", "params": {"settings": settings}})
    assert await late.suggestions() == []
    late.send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"infill": {}}}})
    await late.until_status("Normal")
    late.answer(0, result=[{"privacy": {"ignore": ["a.py"]}}])  # older than what was pushed


async def test_an_older_answer_does_not_replace_a_newer_one(engine: ScriptedEngine, late: LateEditor) -> None:
    await late.greet()
    await late.until_status("Normal")
    late.send({"method": "workspace/didChangeConfiguration", "params": {"settings": None}})
    await late.until_asked(2)
    late.answer(1, result=[{"completion": {"enabled": False}}])
    late.answer(0, result=[{"completion": {"enabled": True}}])
    await late.until_status("Inactive", SkipReason.SWITCHED_OFF.value)
    assert await late.suggestions(invoked=False) == []


async def test_a_remote_engine_waits_for_the_answer_after_a_change(late: LateEditor, remote: Server) -> None:
    await late.greet(asks(remote.url))
    await late.until_asked()
    late.answer(0, result=[{}])
    await late.until_status("Normal")
    late.send({"method": "workspace/didChangeConfiguration", "params": {"settings": None}})
    await late.until_asked(2)
    asked = len(remote.asked)
    assert await late.suggestions() == []
    assert len(remote.asked) == asked
    late.answer(1, result=[{"privacy": {"ignore": ["other.py"]}}])
    assert await late.suggestions() == [SUGGESTED]
