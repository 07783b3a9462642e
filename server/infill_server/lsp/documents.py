"""The store of open documents and notebooks, kept in step with the editor."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import unquote

from lsprotocol import types
from pygls.uris import to_fs_path

from infill_completion.document.changes import ChangeClock, ChangeLog
from infill_completion.document.snapshot import Snapshot, Trigger
from infill_completion.document.workspace import OpenDocument
from infill_server.lsp.positions import Units
from infill_server.lsp.replacement import Location, Replacement
from infill_server.lsp.text import DocumentText, Edit

log = logging.getLogger(__name__)

_CLOSERS = frozenset(")]}>\"'`; \t\r\n")
_MAX_CLOSING_LINES = 2


class UnknownDocumentError(Exception):
    """A request names a document that is not open; the message says what to do."""


@dataclass
class Document:
    """One open document.

    Attributes:
        uri: The URI as the editor writes it.
        language_id: LSP's language id.
        version: The editor's version number.
        text: The text.
        edit: The range of the last edit; None if there was none since the last request.
        changes: What has changed, for the history of edits.
        typed: The range of the last edit, and when it came, in seconds of the monotonic clock.
        number: No other text of a document in this window has the same. Editors begin again with the same version when
            a document is opened again, which may have another text by then.
    """

    uri: str
    language_id: str
    version: int
    text: DocumentText
    edit: Edit | None = None
    changes: ChangeLog = field(default_factory=lambda: ChangeLog(ChangeClock()))
    typed: tuple[Edit, float] | None = None
    number: int = 0

    def change(self, changes: Iterable[types.TextDocumentContentChangeEvent], version: int) -> list[Replacement]:
        """Apply the changes of one notification in order, and return what they replaced."""
        done = []
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                removed = self.text.between(*sorted(map(self.text.locate, (change.range.start, change.range.end))))
                edit = self.edit = self.text.replace(change.range, change.text)
                done.append(Replacement(edit.start, edit.former_end, edit.end, removed, change.text))
            else:
                done.append(self._replace_all(change.text))
        self.version = version
        self.typed = None if self.edit is None else (self.edit, time.monotonic())
        return done

    def _replace_all(self, text: str) -> Replacement:
        """Replace the whole text; return what differs, or all of it where that is much."""
        former_end = self.text.last
        former = self.text.between((0, 0), former_end)
        edit = self.edit = self.text.replace_all(text)
        end = self.text.last
        if edit is None:
            start = end if self.text.between((0, 0), end) == former else (0, 0)
            return Replacement(start, former_end, end, "", "")
        # The former text counts only for what both begin with, which is nothing here.
        return Replacement(edit.start, edit.former_end, edit.end, "", self.text.between(edit.start, edit.end))

    def took_typing(self, position: types.Position) -> bool:
        """Return whether the user has just typed at ``position``; true at most once per edit.

        A completion request does not say whether a shortcut or typing triggered it, so the last edit decides.
        """
        edit, self.edit, location = self.edit, None, self.text.locate(position)
        if edit is None or not edit.start <= location <= edit.end:
            return False
        # In the same edit, editors insert a closing bracket after the cursor, and perhaps an empty line before it.
        return location == edit.end or (
            location[0] + _MAX_CLOSING_LINES >= edit.end[0]
            and _CLOSERS.issuperset(self.text.between(location, edit.end))
        )

    def snapshot(self, position: types.Position, trigger: Trigger, selected: types.SelectedCompletionInfo | None = None
    ) -> Snapshot:  # fmt: skip
        """Return the current document with the cursor at ``position``."""
        popup = None
        if selected is not None:
            start, end = self.text.offset(selected.range.start), self.text.offset(selected.range.end)
            popup = (min(start, end), max(start, end), selected.text)
        return self.snapshot_at(self.text.locate(position), trigger, popup)

    def snapshot_at(self, location: Location, trigger: Trigger, popup: tuple[int, int, str] | None = None) -> Snapshot:
        """Return the current document with the cursor at a location; ``popup`` is the entry selected there."""
        text, offset = str(self.text), self.text.offset_at(location)
        edit, typed_s = self.text.edit, self._typed_s(location)
        return Snapshot(self.uri, self.version, self.language_id, text, offset, trigger, popup, edit, typed_s)

    def _typed_s(self, location: Location) -> float | None:
        """Return when the user typed at ``location``; None if the cursor has been moved there."""
        if self.typed is None:
            return None
        edit, typed_s = self.typed
        return typed_s if edit.start <= location <= edit.end else None

    def opened(self) -> OpenDocument:
        """Return the document as context for the completion of another one."""
        return OpenDocument(self.uri, self.language_id, self.number, str(self.text))


@dataclass
class DocumentStore:
    """All open documents, with the last focused one last, and the cells of open notebooks in order.

    Attributes:
        units: The units of the client's columns.
        folders: The workspace folders.
        on_edits: Called after each change of a document with its edits in order.
        clock: Numbers the changes of all documents.
    """

    units: Units = Units.UTF16
    folders: list[Path] = field(default_factory=list)
    on_edits: Callable[[Document, Sequence[Replacement]], None] | None = None
    clock: ChangeClock = field(default_factory=ChangeClock)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _documents: dict[str, Document] = field(default_factory=dict)
    _notebooks: dict[str, list[str]] = field(default_factory=dict)

    def __contains__(self, uri: str) -> bool:
        return unquote(uri) in self._documents

    def holds(self, document: Document) -> bool:
        """Return whether a document is still open."""
        return self._documents.get(unquote(document.uri)) is document

    def get(self, uri: str) -> Document:
        """Return an open document.

        Raises:
            UnknownDocumentError: The document is not open.
        """
        try:
            return self._documents[unquote(uri)]
        except KeyError:
            raise UnknownDocumentError(f"{uri} is not open here; send textDocument/didOpen first.") from None

    def text_at(self, uri: str, start: Location, end: Location) -> str | None:
        """Return the text between two locations, or what of it there is; None if the document is not open."""
        document = self._documents.get(unquote(uri))
        return None if document is None else document.text.between(start, min(end, document.text.last))

    def open(self, item: types.TextDocumentItem) -> None:
        """Add a document; one that is already open gets the new text."""
        log = ChangeLog(self.clock)
        text = DocumentText(item.text, self.units, log)
        document = Document(item.uri, item.language_id, item.version, text, changes=log, number=next(self._numbers))
        self._documents[unquote(item.uri)] = document
        self.focus(item.uri)

    def change(
        self, target: types.VersionedTextDocumentIdentifier, changes: Iterable[types.TextDocumentContentChangeEvent]
    ) -> None:
        """Apply an edit; an edit of a document that is not open is a client's mistake and only logged."""
        document = self._documents.get(unquote(target.uri))
        if document is None:
            log.warning("ignored a change of a document that is not open")
            return
        document.number = next(self._numbers)
        done = document.change(changes, target.version)
        self.focus(target.uri)
        if self.on_edits is not None:
            self.on_edits(document, done)

    def changed(self) -> list[Document]:
        """Return the documents whose changes have not been read yet."""
        return [document for document in self._documents.values() if document.changes]

    def close(self, uri: str) -> None:
        """Remove a document."""
        self._documents.pop(unquote(uri), None)

    def focus(self, uri: str) -> None:
        """Record that the user now looks at ``uri``."""
        key = unquote(uri)
        if key in self._documents:
            self._documents[key] = self._documents.pop(key)

    def notebooks(self) -> list[tuple[str, list[str]]]:
        """Return the open notebooks with their cells, by URI without percent signs."""
        return [(uri, list(cells)) for uri, cells in self._notebooks.items()]

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Add a notebook with the text of its cells."""
        notebook = params.notebook_document
        self._notebooks[unquote(notebook.uri)] = [unquote(cell.document) for cell in notebook.cells]
        for item in params.cell_text_documents:
            self.open(item)

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Apply added, removed and moved cells, then the edits inside cells."""
        cells = self._notebooks.get(unquote(params.notebook_document.uri))
        change = params.change.cells
        if cells is None or change is None:
            return
        if (structure := change.structure) is not None:
            start, array = structure.array.start, structure.array
            cells[start : start + array.delete_count] = [unquote(cell.document) for cell in array.cells or ()]
            for item in structure.did_open or ():
                self.open(item)
            for closed in structure.did_close or ():
                self.close(closed.uri)
        for content in change.text_content or ():
            self.change(content.document, content.changes)

    def close_notebook(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Remove a notebook and its cells."""
        self._notebooks.pop(unquote(params.notebook_document.uri), None)
        for cell in params.cell_text_documents:
            self.close(cell.uri)

    def change_folders(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        """Add and remove workspace folders."""
        removed = _paths(folder.uri for folder in event.removed)
        self.folders = [folder for folder in self.folders if folder not in removed]
        self.folders += [
            folder for folder in _paths(folder.uri for folder in event.added) if folder not in self.folders
        ]

    def use(self, params: types.InitializeParams, units: Units) -> None:
        """Empty the store and use the client's folders and units."""
        self.units = units
        self._documents.clear()
        self._notebooks.clear()
        uris = [folder.uri for folder in params.workspace_folders or ()]
        self.folders = _paths(uris or [uri for uri in [params.root_uri] if uri])
        if not self.folders and params.root_path:
            self.folders = [Path(params.root_path)]

    def others(self, uri: str, languages: Container[str] | None = None) -> Sequence[OpenDocument]:
        """Return the open documents except ``uri`` and its notebook's cells, the last focused one first.

        Args:
            uri: The document.
            languages: The languages of those that are returned; any if None.
        """
        hidden = {unquote(uri), *self._cells_of(uri)}
        return [
            document.opened()
            for key, document in reversed(self._documents.items())
            if key not in hidden and (languages is None or document.language_id in languages)
        ]

    def cells_before(self, uri: str) -> Sequence[OpenDocument]:
        """Return the cells above ``uri`` in its notebook, from top to bottom; empty outside notebooks."""
        cells = self._cells_of(uri)
        above = cells[: cells.index(unquote(uri))] if cells else []
        return [self._documents[cell].opened() for cell in above if cell in self._documents]

    def roots(self) -> Sequence[Path]:
        """Return the workspace folders."""
        return tuple(self.folders)

    def _cells_of(self, uri: str) -> list[str]:
        return next((cells for cells in self._notebooks.values() if unquote(uri) in cells), [])


def _paths(uris: Iterable[str]) -> list[Path]:
    return [Path(path) for uri in uris if (path := to_fs_path(uri))]
