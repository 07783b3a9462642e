"""Every request is answered exactly once, whatever it contains."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from infill_server.commands.serve import create_server
from infill_server.language_server import InfillServer
from tests.properties import tries

REQUESTS = (
    "textDocument/completion",
    "textDocument/inlineCompletion",
    "workspace/executeCommand",
    "textDocument/hover",
    "no/such",
)
NOTIFICATIONS = (
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "notebookDocument/didOpen",
    "notebookDocument/didChange",
    "notebookDocument/didClose",
    "workspace/didChangeWorkspaceFolders",
    "textDocument/didFocus",
    "textDocument/didShowCompletion",
    "textDocument/didPartiallyAcceptCompletion",
    "window/workDoneProgress/cancel",
    "$/cancelRequest",
    "$/setTrace",
)
URI = "file:///w/a.py"
numbers = st.integers(-2, 2**33)
leaves = st.none() | st.booleans() | numbers | st.floats(allow_nan=False) | st.sampled_from(["", URI, "x\ud83d", "a\n"])
positions = st.fixed_dictionaries({"line": numbers, "character": numbers}) | leaves
ranges = st.fixed_dictionaries({"start": positions, "end": positions}) | leaves
documents = st.fixed_dictionaries({"uri": st.just(URI) | leaves, "version": leaves}) | leaves
keyed = st.fixed_dictionaries(
    {},
    optional={
        "textDocument": documents,
        "position": positions,
        "context": st.fixed_dictionaries({"triggerKind": leaves}) | leaves,
        "contentChanges": st.lists(st.fixed_dictionaries({"range": ranges, "text": leaves}), max_size=3) | leaves,
        "command": st.sampled_from(["infill.accepted", "infill.explain", "infill.toggle", "rm"]) | leaves,
        "arguments": st.lists(leaves | st.fixed_dictionaries({"textDocument": documents, "position": positions})),
        "item": st.fixed_dictionaries({"insertText": leaves, "command": leaves}) | leaves,
        "acceptedLength": leaves,
        "event": leaves,
        "id": leaves,
        "value": leaves,
    },
)
params = keyed | leaves | st.lists(leaves, max_size=2)
requests = st.tuples(st.sampled_from(REQUESTS), params)
notifications = st.tuples(st.sampled_from(NOTIFICATIONS), params)


class Client:
    """Talks to a server inside this process."""

    def __init__(self) -> None:
        self.server: InfillServer = create_server()
        self.messages: list[dict[str, Any]] = []
        self.server.protocol.set_writer(self)
        self.send({"id": "hello", "method": "initialize", "params": {"processId": None, "capabilities": {}}})
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = 1\n🎉 = 2\r\n"}
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})

    def send(self, message: dict[str, Any]) -> None:
        self.server.protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def write(self, data: bytes) -> None:
        """Record one message of the server."""
        self.messages.append(json.loads(data.partition(b"\r\n\r\n")[2]))

    def close(self) -> None:
        """Do nothing; pygls calls it."""


@contextmanager
def internal_errors() -> Iterator[list[str]]:
    """Collect the internal errors that the server logs."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("infill_server")
    logger.addHandler(handler)
    try:
        yield errors
    finally:
        logger.removeHandler(handler)


@tries(80)
@given(st.lists(requests | notifications, max_size=6))
def test_every_request_is_answered_once_and_no_notification_is(messages: list[tuple[str, Any]]) -> None:
    async def tell() -> list[Any]:
        client = Client()
        asked = []
        for number, (method, value) in enumerate(messages):
            is_request = method in REQUESTS
            client.send({"method": method, "params": value, **({"id": number} if is_request else {})})
            asked += [number] if is_request else []
            await asyncio.sleep(0)
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the callbacks of the last task
        answers = [message["id"] for message in client.messages if "method" not in message]
        assert sorted(answers[1:]) == asked
        assert all(("result" in message) != ("error" in message) for message in client.messages if "id" in message)
        return answers

    with internal_errors() as errors:
        assert asyncio.run(tell())[0] == "hello"
    assert not errors


async def test_a_result_that_json_cannot_serialize_is_still_answered() -> None:
    client = Client()

    async def tuple_as_key() -> dict[Any, Any]:
        return {("a", "b"): 1}

    async def path_as_value() -> dict[str, Any]:
        return {"path": Path("/w/a.py")}

    for number, command in enumerate((tuple_as_key, path_as_value)):
        client.server.command(command.__name__)(command)
        client.send({"id": number, "method": "workspace/executeCommand", "params": {"command": command.__name__}})
    while len(client.messages) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert client.messages[1]["error"]["code"] == -32603
    assert client.messages[2]["result"] == {"path": "/w/a.py"}


@pytest.mark.parametrize("msg_id", [5, "five", None, True, 1.5, [1], {"id": 1}])
@pytest.mark.parametrize("outcome", [{"result": None}, {"error": {"code": 1, "message": "no"}}])
async def test_a_response_to_an_unknown_request_changes_nothing(msg_id: Any, outcome: dict[str, Any]) -> None:
    client = Client()
    place = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}, "context": {"triggerKind": 1}}
    request = msg_id if isinstance(msg_id, int | str) and not isinstance(msg_id, bool) else 7
    client.send({"id": request, "method": "textDocument/inlineCompletion", "params": place})
    client.send({"id": msg_id, **outcome})
    while len(client.messages) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert client.messages[1] == {"jsonrpc": "2.0", "id": request, "result": {"items": []}}


@pytest.mark.parametrize("outcome", [{"result": [{}]}, {"result": 7}, {"error": {"code": 1, "message": "no"}}])
@pytest.mark.parametrize("iterations", [0, 1, 3])
async def test_a_response_that_is_no_longer_awaited_is_dropped(outcome: dict[str, Any], iterations: int) -> None:
    trouble: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: trouble.append(context))
    client = Client()
    params = types.ConfigurationParams([types.ConfigurationItem(section="infill")])
    asking = asyncio.ensure_future(client.server.workspace_configuration_async(params))
    await asyncio.sleep(0)
    request = client.messages[-1]
    assert request["method"] == "workspace/configuration"
    asking.cancel()
    for _ in range(iterations):
        await asyncio.sleep(0)
    for _ in range(2):
        client.send({"id": request["id"], **outcome})
        await asyncio.sleep(0)
    assert trouble == []
    assert client.server.protocol._request_futures == {}
    assert client.server.protocol._result_types == {}


async def test_the_log_of_failed_background_work_has_no_message_of_the_error(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise KeyError("text of the document")

    client = Client()
    client.server.session.spawn(fail())
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # the callback of the task
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith("KeyError at\n")
    assert "in fail" in caplog.text
    assert "KeyError: 'text of the document'" not in caplog.text
