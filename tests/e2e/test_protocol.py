"""Messages other than requests for suggestions, and malformed ones."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.editor import CONSOLE_SCRIPT, within
from tests.e2e.wire import Wire

HELLO: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}


@pytest.fixture
async def wire(environment: dict[str, str]) -> AsyncIterator[Wire]:
    process = await asyncio.create_subprocess_exec(
        CONSOLE_SCRIPT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield Wire(process, process.stdout, process.stdin)
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.fixture
async def greeted(wire: Wire) -> Wire:
    answer = await wire.ask("initialize", HELLO)
    assert "capabilities" in answer["result"]
    return wire


async def test_both_completions_are_advertised_with_the_options_that_clients_check(wire: Wire) -> None:
    capabilities = (await wire.ask("initialize", HELLO))["result"]["capabilities"]
    assert capabilities["inlineCompletionProvider"] == {}
    assert "." in capabilities["completionProvider"]["triggerCharacters"]
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["textDocumentSync"]["openClose"] is True
    assert capabilities["positionEncoding"] == "utf-16"
    assert {"infill.accepted", "infill.explain", "infill.toggle", "infill.restart"} <= set(
        capabilities["executeCommandProvider"]["commands"]
    )


async def test_the_encoding_that_the_client_prefers_is_used(wire: Wire) -> None:
    hello = HELLO | {"capabilities": {"general": {"positionEncodings": ["utf-8", "utf-16"]}}}
    assert (await wire.ask("initialize", hello))["result"]["capabilities"]["positionEncoding"] == "utf-8"


async def test_an_ill_typed_request_gets_an_error_and_the_next_one_its_answer(greeted: Wire) -> None:
    for method, params, code in [
        ("textDocument/completion", {"textDocument": {}, "position": {"line": "one"}}, -32602),
        ("textDocument/completion", None, -32602),
        ("textDocument/completion", [1, 2], -32602),
        ("textDocument/inlineCompletion", {"textDocument": {"uri": "file:///a"}}, -32602),
        ("textDocument/inlineCompletion", 5, -32602),
        ("workspace/executeCommand", {"command": "rm"}, -32602),
        ("workspace/executeCommand", {"command": "infill.accepted", "arguments": [1]}, -32602),
        ("workspace/executeCommand", {"command": "infill.explain", "arguments": ["here"]}, -32602),
        ("textDocument/hover", {}, -32601),
        ("initialize", HELLO, -32600),
    ]:
        error = (await greeted.ask(method, params))["error"]
        assert (method, error["code"]) == (method, code)
    assert "result" in await greeted.ask("shutdown", None, 8)


async def test_the_error_names_a_document_that_is_not_open(greeted: Wire) -> None:
    place = {"textDocument": {"uri": "file:///w/gone.py"}, "position": {"line": 0, "character": 0}}
    error = (await greeted.ask("textDocument/completion", place))["error"]
    assert error["code"] == -32602
    assert "file:///w/gone.py is not open" in error["message"]


@pytest.mark.parametrize("depth", [400, 1100, 100_000])
async def test_a_request_that_is_nested_too_deeply_gets_an_error(greeted: Wire, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    # The strings contain something that looks like the end of a message.
    for head in (b'"id": 5, "method": "workspace/executeCommand", ', b'"method": "$/later", '):
        greeted.send(b'{"jsonrpc": "2.0", %s "params": {"command": "rm", "arguments": ["]{\\"", %s]}}' % (head, nested))
    while (message := await greeted.receive()).get("id") != 5:
        pass
    assert message["error"]["code"] in {-32600, -32602}
    assert "result" in await greeted.ask("shutdown", None, 8)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to interrupt")
async def test_an_interrupt_of_the_process_group_does_not_end_the_server(greeted: Wire) -> None:
    for number in range(3):
        greeted.process.send_signal(signal.SIGINT)
        assert "result" in await greeted.ask("workspace/executeCommand", {"command": "infill.statistics"}, number + 8)
    assert "result" in await greeted.ask("shutdown", None, 20)
    greeted.send({"method": "exit"})
    assert await greeted.exit_code() == 0


async def test_an_interrupt_before_the_first_message_does_not_end_the_server(wire: Wire) -> None:
    await wire.ask("initialize", HELLO)
    wire.process.send_signal(signal.SIGINT)
    wire.hang_up()
    assert await wire.exit_code() == 1


async def test_a_change_without_a_version_is_not_lost(greeted: Wire) -> None:
    document = {"uri": "file:///w/a.py", "languageId": "python", "version": None, "text": "a\n"}
    greeted.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
    change = {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "text": "\n\n"}
    named = {"uri": "file:///w/a.py", "version": None}
    greeted.send({"method": "textDocument/didChange", "params": {"textDocument": named, "contentChanges": [change]}})
    place = {"textDocument": {"uri": "file:///w/a.py"}, "position": {"line": 2, "character": 1}}
    assert "result" in await greeted.ask("textDocument/completion", place)


async def test_an_invalid_message_is_refused(greeted: Wire) -> None:
    for body in (b"{", b"\xff\xfe", b"[]", b'"text"', b'{"id": 1}', b'{"jsonrpc": "2.0", "id": 1}'):
        greeted.send(body)
        assert (await greeted.receive())["error"]["code"] in {-32700, -32600}


async def test_a_request_before_initialize_is_refused(wire: Wire) -> None:
    assert (await wire.ask("shutdown", None))["error"]["code"] == -32002


async def test_a_request_after_shutdown_is_refused(greeted: Wire) -> None:
    await greeted.ask("shutdown", None)
    assert (await greeted.ask("textDocument/completion", {}))["error"]["code"] == -32600


async def test_ill_typed_and_unknown_notifications_change_nothing(greeted: Wire) -> None:
    for method in ("textDocument/didChange", "textDocument/didOpen", "no/such", "$/cancelRequest", "$/setTrace"):
        for params in ({}, None, 3, {"textDocument": {"uri": "file:///w/gone.py", "version": 2}, "contentChanges": []}):
            greeted.send({"method": method, "params": params})
    greeted.send({"method": "$/cancelRequest", "params": {"id": 99}})
    assert "result" in await greeted.ask("shutdown", None)


async def test_without_an_engine_the_list_is_empty_and_incomplete(greeted: Wire) -> None:
    item = {"uri": "file:///w/a.py", "languageId": "python", "version": 1, "text": "x = "}
    greeted.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
    place = {"textDocument": {"uri": item["uri"]}, "position": {"line": 0, "character": 4}}
    answer = await greeted.ask("textDocument/completion", place)
    assert answer["result"] == {"isIncomplete": True, "items": []}


async def test_exit_after_shutdown_ends_with_code_0(greeted: Wire) -> None:
    await greeted.ask("shutdown", None)
    greeted.send({"method": "exit"})
    assert await greeted.exit_code() == 0


async def test_exit_without_shutdown_ends_with_code_1(greeted: Wire) -> None:
    greeted.send({"method": "exit"})
    assert await greeted.exit_code() == 1


async def test_exit_before_initialize_ends_with_code_1(wire: Wire) -> None:
    wire.send({"method": "exit"})
    assert await wire.exit_code() == 1


async def test_a_client_that_hangs_up_ends_the_process(greeted: Wire) -> None:
    greeted.hang_up()
    assert await greeted.exit_code() == 1


async def test_a_client_that_no_longer_reads_ends_the_process(greeted: Wire) -> None:
    transport = greeted.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    transport.close()
    assert greeted.process.stdout is not None
    await within(greeted.process.stdout.read())  # else the answer may be written before the pipe is closed
    greeted.send({"id": 9, "method": "shutdown"})
    assert await greeted.exit_code() == 0


async def test_bytes_that_are_not_lsp_end_the_process(wire: Wire) -> None:
    wire._stdin.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await wire.exit_code() == 1


async def test_a_client_may_connect_over_tcp(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        CONSOLE_SCRIPT, "--tcp", "127.0.0.1:0", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said = await within(process.stderr.readline())
    reader, writer = await asyncio.open_connection("127.0.0.1", int(said.rpartition(b":")[2]))
    wire = Wire(process, reader, writer)
    assert "capabilities" in (await wire.ask("initialize", HELLO))["result"]
    await wire.ask("shutdown", None)
    wire.send({"method": "exit"})
    assert await wire.exit_code() == 0
    writer.close()


async def test_no_log_contains_text_of_documents(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        CONSOLE_SCRIPT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "INFILL_LS_LOG": "DEBUG"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    wire = Wire(process, process.stdout, process.stdin)
    await wire.ask("initialize", HELLO)
    item = {"uri": "file:///w/a.py", "languageId": "python", "version": 1, "text": "password = 'hunter2'"}
    wire.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
    for changes in ([{"text": "hunter2"}], [{"range": "hunter2", "text": "hunter2"}], "hunter2"):
        document = {"uri": item["uri"], "version": 2}
        wire.send({"method": "textDocument/didChange", "params": {"textDocument": document, "contentChanges": changes}})
    for position in ({"line": 0, "character": 3}, {"line": "hunter2"}):
        await wire.ask("textDocument/completion", {"textDocument": {"uri": item["uri"]}, "position": position})
    await wire.ask("workspace/executeCommand", {"command": "hunter2", "arguments": ["hunter2"]})
    wire.send(b"{hunter2")
    wire.send({"method": "exit"})
    _, said = await within(process.communicate())
    assert b"infill-ls DEBUG" in said
    assert b"hunter2" not in said
