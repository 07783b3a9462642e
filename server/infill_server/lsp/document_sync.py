"""Document synchronization: the notifications that update our document store instead of pygls' own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from lsprotocol import types
from pygls.protocol import LanguageServerProtocol, lsp_method

from infill_server.lsp.documents import DocumentStore

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer


class DocumentSync(LanguageServerProtocol):
    """pygls' protocol with our document store.

    The handlers are plain functions, so an edit is applied before the next message is processed.

    Attributes:
        documents: The documents that the editor has open.
    """

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.documents = DocumentStore()

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Add a document."""
        self.documents.open(params.text_document)
        self._call_user_handler(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply an edit."""
        self.documents.change(params.text_document, params.content_changes)
        self._call_user_handler(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Remove a document."""
        self.documents.close(params.text_document.uri)
        self._call_user_handler(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Add a notebook."""
        self.documents.open_notebook(params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Apply an edit of a notebook."""
        self.documents.change_notebook(params)
        structure = params.change.cells.structure if params.change.cells else None
        self._notify_closed(structure.did_close or () if structure else ())

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Remove a notebook."""
        self.documents.close_notebook(params)
        self._notify_closed(params.cell_text_documents)

    @lsp_method(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def lsp_workspace__did_change_workspace_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        """Add and remove workspace folders."""
        self.documents.change_folders(params.event)

    def _notify_closed(self, cells: Iterable[types.TextDocumentIdentifier]) -> None:
        for cell in cells:
            self._call_user_handler(types.TEXT_DOCUMENT_DID_CLOSE, types.DidCloseTextDocumentParams(cell))

    def _call_user_handler(self, method: str, params: Any) -> None:
        handler: Callable[[Any], None] | None = self.fm.features.get(method)
        if handler is not None:
            handler(params)
