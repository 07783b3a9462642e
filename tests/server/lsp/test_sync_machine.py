"""Document synchronization against a model: whatever notifications come, in whatever order, the texts are the same.

The model is a dictionary of strings that is edited as the LSP specification describes, one character at a time.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lsprotocol.types import Position
from pygls.protocol import default_converter

from infill_completion.document.snapshot import Trigger
from infill_server.features import add_features
from infill_server.language_server import InfillServer
from infill_server.lsp.positions import Units
from tests.properties import tries
from tests.server.lsp.test_text import naive_offset, texts

NAMES = st.sampled_from(["file:///a.py", "file:///b c.py", "untitled:1", "file:///é.rs"])
CELLS = tuple(f"vscode-notebook-cell:/n.ipynb#{number}" for number in range(4))
NOTEBOOK = "file:///n.ipynb"
POSITIONS = st.fixed_dictionaries({"line": st.integers(0, 8), "character": st.integers(0, 20)})
CHANGES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"text": texts}),
        st.fixed_dictionaries({"text": texts, "range": st.fixed_dictionaries({"start": POSITIONS, "end": POSITIONS})}),
    ),
    max_size=4,
)
CONVERTER = default_converter()


class Silence:
    """A writer for answers that nobody reads."""

    def write(self, data: bytes) -> None:
        """Drop the data."""


class SyncMachine(RuleBasedStateMachine):
    """An editor that opens, edits, closes and renames documents and cells, in one of the three encodings."""

    def __init__(self) -> None:
        super().__init__()
        self.server = InfillServer()
        add_features(self.server)
        self.server.protocol._converter = CONVERTER
        self.server.protocol.set_writer(Silence())  # type: ignore[arg-type]  # all that the protocol calls is `write`
        self.texts: dict[str, str] = {}
        self.cells: list[str] = []
        self.focused: list[str] = []
        self.units = Units.UTF16
        self.version = 0

    def notify(self, method: str, params: dict[str, Any]) -> None:
        self.server.protocol.receive(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    @initialize(units=st.sampled_from(list(Units)))
    def start(self, units: Units) -> None:
        self.units = units
        params = {"processId": None, "rootUri": None, "capabilities": {"general": {"positionEncodings": [units.value]}}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        self.server.protocol.receive(json.dumps(message).encode())
        assert self.server.documents.units is units

    def item(self, uri: str, text: str) -> dict[str, Any]:
        self.version += 1
        return {"uri": uri, "languageId": "python", "version": self.version, "text": text}

    def opened(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        self.focus(uri)

    def focus(self, uri: str) -> None:
        self.focused = [other for other in self.focused if other != uri] + [uri] * (uri in self.texts)

    def closed(self, uri: str) -> None:
        self.texts.pop(uri, None)
        self.focused = [other for other in self.focused if other != uri]

    @rule(uri=NAMES, text=texts)
    def open_document(self, uri: str, text: str) -> None:
        self.notify("textDocument/didOpen", {"textDocument": self.item(uri, text)})
        self.opened(uri, text)

    @rule(uri=st.one_of(NAMES, st.sampled_from(CELLS)), changes=CHANGES, quoted=st.booleans())
    def change_document(self, uri: str, changes: list[dict[str, Any]], quoted: bool) -> None:
        self.version += 1
        # Some editors write the URI of an edit with other escapes than that of the opening.
        written = uri if not quoted else quote(uri, safe=":/#")
        target = {"uri": written, "version": self.version}
        self.notify("textDocument/didChange", {"textDocument": target, "contentChanges": changes})
        self.apply(uri, changes)

    def apply(self, uri: str, changes: list[dict[str, Any]]) -> None:
        if uri not in self.texts:
            return
        for change in changes:
            text = self.texts[uri]
            if "range" not in change:
                self.texts[uri] = change["text"]
                continue
            ends = (change["range"][end] for end in ("start", "end"))
            places = [naive_offset(text, Position(end["line"], end["character"]), self.units) for end in ends]
            self.texts[uri] = text[: min(places)] + change["text"] + text[max(places) :]
        self.focus(uri)

    @rule(uri=NAMES)
    def close_document(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        self.closed(uri)

    @rule(uri=NAMES)
    def look_at(self, uri: str) -> None:
        self.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})
        self.focus(uri)

    @rule(count=st.integers(0, 3), text=texts)
    def open_notebook(self, count: int, text: str) -> None:
        for cell in self.cells:
            self.closed(cell)
        self.notify(
            "notebookDocument/didClose",
            {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": [{"uri": cell} for cell in self.cells]},
        )
        self.cells = list(CELLS[:count])
        cells = [{"kind": 2, "document": cell} for cell in self.cells]
        book = {"uri": NOTEBOOK, "notebookType": "jupyter-notebook", "version": 1, "cells": cells}
        items = [self.item(cell, text) for cell in self.cells]
        self.notify("notebookDocument/didOpen", {"notebookDocument": book, "cellTextDocuments": items})
        for cell in self.cells:
            self.opened(cell, text)

    @rule(at=st.integers(0, 3), removed=st.integers(0, 2), text=texts)
    def change_cells(self, at: int, removed: int, text: str) -> None:
        if not self.cells:
            return
        at = min(at, len(self.cells))
        gone = self.cells[at : at + removed]
        added = [cell for cell in CELLS if cell not in self.cells][:1]
        array = {
            "start": at, "deleteCount": len(gone), "cells": [{"kind": 2, "document": cell} for cell in added],
        }  # fmt: skip
        structure = {
            "array": array,
            "didOpen": [self.item(cell, text) for cell in added],
            "didClose": [{"uri": cell} for cell in gone],
        }
        target = {"uri": NOTEBOOK, "version": 2}
        self.notify(
            "notebookDocument/didChange", {"notebookDocument": target, "change": {"cells": {"structure": structure}}}
        )
        self.cells[at : at + len(gone)] = added
        for cell in added:
            self.opened(cell, text)
        for cell in gone:
            self.closed(cell)

    @rule(cell=st.sampled_from(CELLS), changes=CHANGES)
    def edit_cell(self, cell: str, changes: list[dict[str, Any]]) -> None:
        if cell not in self.cells:
            return
        content = {"document": {"uri": cell, "version": 3}, "changes": changes}
        target = {"uri": NOTEBOOK, "version": 3}
        self.notify(
            "notebookDocument/didChange", {"notebookDocument": target, "change": {"cells": {"textContent": [content]}}}
        )
        self.apply(cell, changes)

    @rule(position=POSITIONS)
    def ask(self, position: dict[str, int]) -> None:
        for uri, text in self.texts.items():
            place = Position(position["line"], position["character"])
            snapshot = self.server.documents.get(uri).snapshot(place, Trigger.INVOKED)
            assert (snapshot.text, snapshot.offset) == (text, naive_offset(text, place, self.units))

    @invariant()
    def texts_agree(self) -> None:
        store = self.server.documents
        for uri, text in self.texts.items():
            assert str(store.get(uri).text) == text
        for uri in {"file:///a.py", *CELLS} - self.texts.keys():
            assert uri not in store

    @invariant()
    def others_agree(self) -> None:
        store = self.server.documents
        hidden = {"file:///a.py"}
        assert [document.uri for document in store.others("file:///a.py")] == [
            uri for uri in reversed(self.focused) if uri not in hidden
        ]
        for number, cell in enumerate(self.cells):
            above = [(other, self.texts[other]) for other in self.cells[:number] if other in self.texts]
            assert [(document.uri, document.text) for document in store.cells_before(cell)] == above


SyncMachine.TestCase.settings = tries(200, stateful_step_count=30)
TestSyncMachine = SyncMachine.TestCase
