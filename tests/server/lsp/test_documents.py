"""The document store: open documents, notebook cells and workspace folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from infill_completion.document.snapshot import Trigger
from infill_completion.suggest.completer import Completer
from infill_server.lsp.documents import DocumentStore, UnknownDocumentError
from tests.context.test_context import HERE, SHAPES
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE


def item(uri: str, text: str = "", language_id: str = "python") -> types.TextDocumentItem:
    return types.TextDocumentItem(uri, language_id, 1, text)


def edit(line: int, column: int, text: str) -> types.TextDocumentContentChangePartial:
    place = types.Position(line, column)
    return types.TextDocumentContentChangePartial(range=types.Range(place, place), text=text)


def numbered(uri: str, version: int) -> types.VersionedTextDocumentIdentifier:
    return types.VersionedTextDocumentIdentifier(version=version, uri=uri)


@pytest.fixture
def store() -> DocumentStore:
    store = DocumentStore()
    for name in "abc":
        store.open(item(f"file:///{name}.py", name))
    return store


def test_other_documents_are_ordered_by_last_focus(store: DocumentStore) -> None:
    store.focus("file:///a.py")
    store.change(numbered("file:///b.py", 2), [edit(0, 1, "!")])
    assert [(other.uri, other.text) for other in store.others("file:///c.py")] == [
        ("file:///b.py", "b!"),
        ("file:///a.py", "a"),
    ]


def test_a_closed_document_is_removed(store: DocumentStore) -> None:
    store.close("file:///a.py")
    assert "file:///a.py" not in store
    with pytest.raises(UnknownDocumentError, match=r"file:///a\.py is not open"):
        store.get("file:///a.py")


def test_the_uri_of_a_document_may_be_written_in_two_ways(store: DocumentStore) -> None:
    store.open(item("file:///w/my%20file.py", "x"))
    assert store.get("file:///w/my file.py").language_id == "python"


def test_changes_of_one_notification_build_on_each_other(store: DocumentStore) -> None:
    store.change(numbered("file:///a.py", 5), [edit(0, 1, "\nb"), edit(1, 1, "c")])
    document = store.get("file:///a.py")
    assert (str(document.text), document.version) == ("a\nbc", 5)


def test_a_client_may_send_the_whole_text(store: DocumentStore) -> None:
    store.change(numbered("file:///a.py", 2), [types.TextDocumentContentChangeWholeDocument("new\n")])
    assert str(store.get("file:///a.py").text) == "new\n"


def test_a_change_of_a_document_that_is_not_open_is_ignored(store: DocumentStore) -> None:
    store.change(numbered("file:///z.py", 2), [edit(0, 0, "x")])
    assert "file:///z.py" not in store


@pytest.mark.parametrize(
    ("new", "cursor", "is_typing"),
    [
        ("()", 1, True),
        ("('')", 2, True),
        ("()", 2, True),
        ("{\n    \n}", 1, True),
        ("call(x)", 2, False),
        ("()", 0, False),
    ],
)
def test_an_edit_that_extends_past_the_cursor_is_typing_if_it_only_closes(
    store: DocumentStore, new: str, cursor: int, is_typing: bool
) -> None:
    for text in (edit(0, 1, new), types.TextDocumentContentChangeWholeDocument("a" + new)):
        store.change(numbered("file:///a.py", 1), [types.TextDocumentContentChangeWholeDocument("a")])
        store.change(numbered("file:///a.py", 2), [text])
        assert store.get("file:///a.py").took_typing(types.Position(0, 1 + cursor)) is is_typing


def test_typing_is_recognised_once_per_edit(store: DocumentStore) -> None:
    store.change(numbered("file:///a.py", 2), [edit(0, 1, "b")])
    document = store.get("file:///a.py")
    assert document.took_typing(types.Position(0, 2))
    assert not document.took_typing(types.Position(0, 2))
    store.change(numbered("file:///a.py", 3), [edit(0, 0, "x")])
    assert not document.took_typing(types.Position(0, 3))


def test_a_snapshot_does_not_change_with_the_document(store: DocumentStore) -> None:
    document = store.get("file:///a.py")
    snapshot = document.snapshot(types.Position(0, 1), Trigger.AUTOMATIC)
    store.change(numbered("file:///a.py", 2), [edit(0, 0, "x")])
    assert (snapshot.text, snapshot.version, snapshot.offset) == ("a", 1, 1)


def notebook(store: DocumentStore, *cells: str) -> None:
    items = [item(f"cell:{name}", name) for name in cells]
    described = types.NotebookDocument(
        uri="file:///n.ipynb",
        notebook_type="jupyter-notebook",
        version=1,
        cells=[types.NotebookCell(types.NotebookCellKind.Code, cell.uri) for cell in items],
    )
    store.open_notebook(types.DidOpenNotebookDocumentParams(described, items))


def above(store: DocumentStore, uri: str) -> list[str]:
    return [cell.text for cell in store.cells_before(uri)]


def test_cells_above_are_in_notebook_order(store: DocumentStore) -> None:
    notebook(store, "one", "two", "three")
    store.focus("cell:one")
    assert above(store, "cell:three") == ["one", "two"]
    assert above(store, "file:///a.py") == []
    assert not any(other.uri.startswith("cell:") for other in store.others("cell:two"))


def test_cells_can_be_moved_added_and_removed(store: DocumentStore) -> None:
    notebook(store, "one", "two", "three")
    array = types.NotebookCellArrayChange(
        start=0, delete_count=2, cells=[types.NotebookCell(types.NotebookCellKind.Code, "cell:new")]
    )
    structure = types.NotebookDocumentCellChangeStructure(
        array=array,
        did_open=[item("cell:new", "new")],
        did_close=[types.TextDocumentIdentifier("cell:one"), types.TextDocumentIdentifier("cell:two")],
    )
    change = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(structure=structure))
    target = types.VersionedNotebookDocumentIdentifier(version=2, uri="file:///n.ipynb")
    store.change_notebook(types.DidChangeNotebookDocumentParams(target, change))
    assert above(store, "cell:three") == ["new"]
    assert "cell:one" not in store


def test_folders_come_from_initialize_and_change(store: DocumentStore, tmp_path: Path) -> None:
    first, second = tmp_path / "one folder", tmp_path / "two"
    folder = types.WorkspaceFolder(first.as_uri(), "one")
    store.use(types.InitializeParams(types.ClientCapabilities(), workspace_folders=[folder]), store.units)
    assert store.roots() == (first,)
    store.change_folders(types.WorkspaceFoldersChangeEvent([types.WorkspaceFolder(second.as_uri(), "two")], [folder]))
    assert store.roots() == (second,)
    store.use(types.InitializeParams(types.ClientCapabilities(), root_path=str(first)), store.units)
    assert store.roots() == (first,)


@pytest.mark.parametrize("closed", [True, False])
async def test_a_document_that_is_opened_again_with_another_text_is_read_again(closed: bool) -> None:
    store, engine = DocumentStore(), ScriptedEngine(says("self.radius"))
    completer = Completer(engine, AT_ONCE, store)
    shapes, here = "file:///project/shapes.py", "file:///project/here.py"
    store.open(item(here, HERE))
    for text in (SHAPES, SHAPES.replace("def area", "def surface")):
        store.open(item(shapes, text))  # editors begin with version 1 again
        await completer.complete(at(HERE, uri=here))
        if closed:
            store.close(shapes)
            completer.closed(shapes)
    asked = [request.context[0].text for request in engine.requests if request.prefix.endswith("return ")]
    assert ["surface" in text for text in asked] == [False, True]
    await completer.aclose()
