"""Suggestions while the user types."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from infill_server.lsp.anticipation import LEAST_LAG_S
from tests.e2e.editor import Editor, neovim, visual_studio_code, within
from tests.scripted_engine import Reply, ScriptedEngine


async def test_a_popup_entry_replaces_the_typed_word(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("urn total")
    buffer = editor.open("def f(total):\n    ret|\n")
    popup = await buffer.popup()
    item = popup.items[0]
    assert popup.is_incomplete
    assert item.label == "return total"
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "return total"
    assert buffer.accepted(item.text_edit.range, item.text_edit.new_text) == "def f(total):\n    return total\n"


async def test_ghost_text_continues_the_line(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("a + b")
    buffer = editor.open("def add(a, b):\n    return |\n")
    [item] = await buffer.ghosts()
    assert item.range is not None
    assert buffer.accepted(item.range, str(item.insert_text)) == "def add(a, b):\n    return a + b\n"


async def test_an_item_reports_its_acceptance_with_plain_lsp(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("a + b")
    buffer = editor.open("def add(a, b):\n    return |\n")
    [item] = await buffer.ghosts()
    assert item.command is not None
    assert item.command.command == "infill.accepted"
    await editor.command(item.command.command, *(item.command.arguments or ()))


async def test_both_kinds_of_request_at_one_position_are_answered_by_one_decode(
    editor: Editor, engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.says(Reply(["a", gate, " + b"]))
    buffer = editor.open("def add(a, b):\n    return|\n")
    buffer.type(" ")  # editors send both requests while their user types
    ghosts, popup = buffer.ask_inline(), buffer.ask(by_key=False)
    await asyncio.to_thread(engine.wait_for_request, 1)
    gate.set()
    assert (await ghosts).items[0].insert_text == "    return a + b"
    assert (await popup).items[0].label == "a + b"
    assert [request.prefix for request in engine.requests].count(buffer.text[: buffer.offset]) == 1


async def test_the_engine_is_asked_before_an_editor_that_waits_for_a_pause(
    editor: Editor, engine: ScriptedEngine
) -> None:
    engine.says("", "a + b")
    buffer = editor.open("def add(a, b):\n    total|\n")
    buffer.type(" ")
    began_s = time.monotonic()
    while time.monotonic() - began_s < 2 * LEAST_LAG_S:
        await editor.command("infill.statistics")  # the editor waits, as VS Code does
    await buffer.ask_inline()
    buffer.replace(buffer.offset, buffer.offset, "= ")

    def is_asked() -> bool | None:
        return any(request.prefix == buffer.text[: buffer.offset] for request in engine.requests) or None

    await asyncio.to_thread(engine.wait_for, is_asked)
    assert (await buffer.ask_inline()).items[0].insert_text == "    total = a + b"
    assert [request.prefix for request in engine.requests].count(buffer.text[: buffer.offset]) == 1


async def test_typing_into_a_suggestion_keeps_it_without_the_engine(editor: Editor, engine: ScriptedEngine) -> None:
    engine.default = lambda request: Reply(["range", "(10):"] if request.prefix.endswith("in ") else [])
    buffer = editor.open("for i in |\n")
    [first] = await buffer.ghosts()
    buffer.type("ran")
    [second] = await buffer.ghosts()
    assert second.insert_text == first.insert_text == "for i in range(10):"
    assert second.range is not None
    assert second.range.start.character == 0
    assert not any(request.prefix.endswith("ran") for request in engine.requests)


async def test_a_newer_request_supersedes_and_the_older_is_answered_empty(
    editor: Editor, engine: ScriptedEngine
) -> None:
    gate = threading.Event()
    engine.says(Reply(["old", gate, " text"]), "name")
    buffer = editor.open("x = |\n")
    older = buffer.ask_inline()
    request = await asyncio.to_thread(engine.wait_for_request, 1)
    buffer.type("my_")
    newer = buffer.ask_inline()
    assert not (await older).items
    await asyncio.to_thread(engine.wait_for_cancellation, request)
    assert (await newer).items[0].insert_text == "x = my_name"


async def test_a_cancelled_request_stops_the_decode_and_gets_the_error_of_lsp(
    editor: Editor, engine: ScriptedEngine
) -> None:
    engine.says(Reply(["never", threading.Event(), " said"]))
    buffer = editor.open("x = |\n")
    asked = buffer.ask_inline()
    request = await asyncio.to_thread(engine.wait_for_request, 1)
    editor.cancel_last()
    with pytest.raises(JsonRpcException, match="cancel"):
        await asked
    await asyncio.to_thread(engine.wait_for_cancellation, request)


async def test_an_answer_is_dropped_if_the_text_has_changed(editor: Editor, engine: ScriptedEngine) -> None:
    gate = threading.Event()
    engine.says(Reply(["1", gate, "2"]))
    buffer = editor.open("x = |\n")
    asked = buffer.ask_inline()
    await asyncio.to_thread(engine.wait_for_request, 1)
    buffer.replace(0, 1, "y")
    await editor.command("infill.explain")  # the server has read the change once it answers this
    gate.set()
    assert not (await asked).items


async def test_shutdown_cancels_open_requests(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says(Reply(["never", threading.Event()]))
    asked = editor.open("x = |\n").ask_inline()
    await asyncio.to_thread(engine.wait_for_request, 1)
    await editor.close()
    with pytest.raises(JsonRpcException, match="cancel"):
        await asked
    assert await editor.exit_code() == 0


async def test_a_suggestion_extends_the_selected_popup_entry(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("(total)")
    buffer = editor.open("value = pri|\n")
    selected = types.SelectedCompletionInfo(types.Range(types.Position(0, 8), types.Position(0, 11)), "print")
    items = (await buffer.ask_inline(selected=selected)).items
    assert items[0].insert_text == "print(total)"
    assert items[0].range == selected.range


async def test_an_emoji_before_the_cursor_does_not_shift_positions(
    environment: dict[str, str], engine: ScriptedEngine, window: Editor
) -> None:
    for capabilities in (visual_studio_code, neovim):
        editor = Editor()
        await editor.start(environment)
        await editor.initialize(capabilities())
        await editor.ready()
        engine.says("'")
        buffer = editor.open("wave = '🎉🎉 漢é|\n")
        [item] = await buffer.ghosts(by_key=True)
        assert item.range is not None
        assert item.range.end == buffer.position()
        assert buffer.accepted(item.range, str(item.insert_text)) == "wave = '🎉🎉 漢é'\n"
        await editor.close()


async def test_windows_line_ends_are_kept(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("a:\n    b = 1\n    c = 2")
    buffer = editor.open("x = 1\r\nif |\r\ny = 2\r\n")
    [item] = await buffer.ghosts(by_key=True)
    assert item.range is not None
    assert "\r" not in engine.wait_for_request(1).prefix
    text = buffer.accepted(item.range, str(item.insert_text))
    assert text.count("\n") == text.count("\r\n")
    assert text.startswith("x = 1\r\nif a:")


async def test_a_line_separator_in_a_string_does_not_end_the_line(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("2")
    buffer = editor.open("a = '\u2028\x0c\x85'\nb = |\n")
    [item] = await buffer.ghosts(by_key=True)
    assert engine.wait_for_request(1).prefix.endswith("a = '\u2028\x0c\x85'\nb = ")
    assert item.range is not None
    assert item.range.start == types.Position(1, 0)


async def test_backspace_and_edits_elsewhere_reach_the_model(editor: Editor, engine: ScriptedEngine) -> None:
    buffer = editor.open("# first\nx = |\n")
    buffer.backspace(2)
    buffer.replace(2, 7, "second")
    buffer.offset = buffer.text.index("x ") + 2
    buffer.type("+= ")
    await buffer.ghosts(by_key=True)
    assert engine.wait_for_request(1).prefix == "# second\nx += "


async def test_cells_of_a_notebook_are_documents(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("(3)")
    cells = ["def f(x):\n    return x\n", "print(f"]
    items = [
        types.TextDocumentItem(f"vscode-notebook-cell:/w/n.ipynb#{number}", "python", 1, text)
        for number, text in enumerate(cells)
    ]
    notebook = types.NotebookDocument(
        uri="file:///w/n.ipynb",
        notebook_type="jupyter-notebook",
        version=1,
        cells=[types.NotebookCell(types.NotebookCellKind.Code, item.uri) for item in items],
    )
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, items))
    edit = types.TextDocumentContentChangePartial(
        range=types.Range(types.Position(0, 7), types.Position(0, 7)), text="_all"
    )
    contents = types.NotebookDocumentCellContentChanges(
        types.VersionedTextDocumentIdentifier(version=2, uri=items[1].uri), [edit]
    )
    editor.client.notebook_document_did_change(
        types.DidChangeNotebookDocumentParams(
            types.VersionedNotebookDocumentIdentifier(version=2, uri=notebook.uri),
            types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[contents])),
        )
    )
    params = types.CompletionParams(types.TextDocumentIdentifier(items[1].uri), types.Position(0, 11))
    answer = await within(editor.client.text_document_completion_async(params))
    assert answer.items[0].text_edit.new_text == "f_all(3)"
