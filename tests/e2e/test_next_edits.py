"""Next edits over real stdio, in the message sequences of the plugins that ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.edit_plugin import TEXT, URI, Start

# A server without one would start a real one.
pytestmark = pytest.mark.usefixtures("engine")
RENAMED = TEXT.replace("count", "total")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_sidekick_applies_all_edits_and_then_runs_their_commands(start: Start, encoding: str) -> None:
    plugin = await start(encodings=(encoding,), editorInfo={"name": "Neovim", "version": "0.12"})
    assert plugin.units == encoding
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")  # a word is changed, and insert mode is left
    edits = await plugin.edits(at + 4)
    assert [edit["text"] for edit in edits] == ["total", "total"]
    assert all(edit["textDocument"] == {"uri": URI, "version": plugin.version} for edit in edits)
    for edit in reversed(edits):
        plugin.apply(edit)
    for edit in edits:
        assert (await plugin.run(edit["command"]))["result"] is None
    assert plugin.text == RENAMED
    assert await plugin.edits(at) == []
    statistics = await plugin.run({"command": "infill.statistics", "arguments": []})
    assert statistics["result"]["edits"] == {"offered": 2, "accepted": 2}


async def test_copilot_lsp_shows_the_first_edit_takes_it_and_asks_again(start: Start) -> None:
    plugin = await start("--as", "copilot", encodings=("utf-8", "utf-16"))
    assert "copilot" in plugin.server_name
    assert plugin.units == "utf-16"
    assert (await plugin.wire.ask("checkStatus", {}))["result"]["status"] == "OK"
    assert (await plugin.wire.ask("signIn", {}))["result"]["status"] == "AlreadySignedIn"
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    for _ in range(2):
        first = (await plugin.edits(at + 5))[0]
        shown = {"item": {"command": first["command"]}}
        plugin.wire.send({"method": "textDocument/didShowInlineEdit", "params": shown})
        await plugin.take(first)
    assert plugin.text == RENAMED
    statistics = await plugin.run({"command": "infill.statistics", "arguments": []})
    assert statistics["result"]["edits"] == {"offered": 3, "shown": 2, "accepted": 2}


async def test_the_status_is_sent_in_copilots_dialect_too(start: Start) -> None:
    plugin = await start("--as", "copilot")
    while (message := await plugin.wire.receive()).get("method") != "didChangeStatus":
        pass
    assert set(message["params"]) == {"busy", "kind", "message"}


async def test_other_clients_get_no_status_that_they_do_not_know(start: Start) -> None:
    plugin = await start()
    plugin.wire.send({"id": 1, "method": "shutdown", "params": None})
    methods = []
    while (message := await plugin.wire.receive()).get("id") != 1:
        methods.append(message.get("method"))
    assert "didChangeStatus" not in methods


@pytest.mark.parametrize(
    ("options", "extra", "texts"),
    [
        ((), {}, []),
        ((), {"focuses": True}, ["total", "total"]),
        (("--as", "copilot"), {}, ["total", "total"]),
        ((), {"client": "Copilot.el"}, ["total", "total"]),
        ((), {"editorInfo": {"name": "Neovim", "version": "0.12"}}, ["total", "total"]),
    ],
    ids=["no sign", "focus", "as copilot", "client's name", "editor's info"],
)
async def test_what_is_changed_before_the_first_request_counts_after_a_sign_that_it_will_come(
    start: Start, options: tuple[str, ...], extra: dict[str, Any], texts: list[str]
) -> None:
    plugin = await start(*options, **{"focuses": False, **extra})
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    assert [edit["text"] for edit in await plugin.edits(at + 4)] == texts


async def test_an_edit_that_is_rejected_does_not_come_back(start: Start) -> None:
    plugin = await start()
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    first, second = await plugin.edits(at + 5)
    await plugin.run({"command": "infill.editRejected", "arguments": first["command"]["arguments"]})
    assert [edit["range"] for edit in await plugin.edits(at + 5)] == [second["range"]]


async def test_nothing_is_offered_for_another_version(start: Start) -> None:
    plugin = await start()
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    assert await plugin.edits(at + 5, version=plugin.version + 1) == []
    assert await plugin.edits(at + 5)


async def test_nothing_is_offered_where_next_edits_are_off(start: Start) -> None:
    plugin = await start(edits={"enabled": False})
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    assert await plugin.edits(at + 5) == []


async def test_nothing_is_offered_in_a_private_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / ".infillignore").write_text("a.py\n")
    plugin = await start(uri=(tmp_path / "a.py").as_uri(), root=tmp_path)
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    assert await plugin.edits(at + 5) == []


async def test_a_withdrawn_request_is_answered(start: Start) -> None:
    plugin = await start()
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    plugin.wire.send({"id": "w", "method": "textDocument/copilotInlineEdit", "params": plugin.params(at)})
    plugin.wire.send({"method": "$/cancelRequest", "params": {"id": "w"}})
    while (message := await plugin.wire.receive()).get("id") != "w":
        pass
    assert message.get("error", {"code": -32800})["code"] == -32800
    assert await plugin.edits(at + 5)


async def test_a_newer_request_supersedes_an_older_one(start: Start) -> None:
    plugin = await start()
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    for number in range(5):
        plugin.wire.send({"id": number, "method": "textDocument/copilotInlineEdit", "params": plugin.params(at)})
    answers: dict[int, list[Any]] = {}
    while len(answers) < 5:
        message = await plugin.wire.receive()
        if "method" not in message and message.get("id") in range(5):
            answers[message["id"]] = message["result"]["edits"]
    assert answers[4]


async def test_ill_typed_requests_are_refused_and_notifications_ignored(start: Start) -> None:
    plugin = await start()
    place = {"position": {"line": 0, "character": 0}}
    refused: tuple[Any, ...] = (
        None,
        [],
        5,
        {"textDocument": 1, **place},
        {"textDocument": {"uri": URI}},
        {"textDocument": {"uri": URI, "version": "1"}, **place},
        {"textDocument": {"uri": "file:///gone.py"}, **place},
        {"textDocument": {"uri": URI}, "position": {"line": "x"}},
    )
    for params in refused:
        answer = await plugin.wire.ask("textDocument/copilotInlineEdit", params)
        assert (params, answer["error"]["code"]) == (params, -32602)
    for arguments in ([], [1], ["a", "b"]):
        answer = await plugin.run({"command": "infill.editAccepted", "arguments": arguments})
        assert answer["error"]["code"] == -32602
    plugin.wire.send({"method": "textDocument/didShowInlineEdit", "params": {"item": {"command": 1}}})
    assert await plugin.edits(0) == []


async def test_a_position_outside_the_text_is_clamped(start: Start) -> None:
    plugin = await start()
    at = plugin.text.index("count")
    plugin.replace(at, at + 5, "total")
    params = plugin.params(at) | {"position": {"line": 10_000, "character": 10_000}}
    assert (await plugin.wire.ask("textDocument/copilotInlineEdit", params))["result"]["edits"]
