"""The user's other documents, as far as the completer needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class OpenDocument:
    """Another document in the editor, in its current state.

    Attributes:
        uri: Its URI, or its path.
        language_id: LSP's language id.
        version: A number that no other text of the document has, also not after it was closed and opened again.
        text: The whole text, with the document's own line ends.
    """

    uri: str
    language_id: str
    version: int
    text: str


class OpenDocuments(Protocol):
    """The editor's other documents; every method is cheap and never blocks."""

    def others(self, uri: str) -> Sequence[OpenDocument]:
        """Return the open documents except ``uri`` and its notebook's cells, the last focused first."""
        ...

    def cells_before(self, uri: str) -> Sequence[OpenDocument]:
        """Return the cells above ``uri`` in its notebook, from top to bottom; empty outside notebooks."""
        ...

    def roots(self) -> Sequence[Path]:
        """Return the folders of the workspace."""
        ...


class NoDocuments:
    """The documents of the command line: none, but there may be folders of a workspace."""

    _roots: Sequence[Path] = ()

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        self._roots = tuple(roots)

    def others(self, uri: str) -> Sequence[OpenDocument]:
        """Return nothing."""
        del uri
        return ()

    def cells_before(self, uri: str) -> Sequence[OpenDocument]:
        """Return nothing."""
        del uri
        return ()

    def roots(self) -> Sequence[Path]:
        """Return the folders of the workspace."""
        return self._roots
