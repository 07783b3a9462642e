"""Notifications of clients that leave out what we can do without, so that no edit is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infill_server.lsp.documents import DocumentStore

_METHODS = {
    "textDocument/didOpen",
    "textDocument/didChange",
    "notebookDocument/didOpen",
    "notebookDocument/didChange",
}


def completed(message: dict[str, Any], documents: DocumentStore) -> dict[str, Any]:
    """Fill in the version and the language of the documents in ``message`` where they are missing or no such thing.

    A change without a version makes the document one version newer, and one with a range of null is of the whole text.
    All other mistakes are left to the type check.
    """
    params = message.get("params")
    if message.get("method") in _METHODS and isinstance(params, dict):
        for document in _documents(params):
            _complete(document, documents)
        for change in _changes(params):
            for name in ("range", "rangeLength"):
                if change.get(name, 0) is None:
                    del change[name]
    return message


def _documents(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    cells = _table(_table(params.get("change")).get("cells"))
    found = [params.get("textDocument"), params.get("notebookDocument"), *_tables(params.get("cellTextDocuments"))]
    found += [content.get("document") for content in _tables(cells.get("textContent"))]
    found += _tables(_table(cells.get("structure")).get("didOpen"))
    return (document for document in map(_table, found) if isinstance(document.get("uri"), str))


def _changes(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _tables(params.get("contentChanges"))
    cells = _table(_table(params.get("change")).get("cells"))
    for content in _tables(cells.get("textContent")):
        yield from _tables(content.get("changes"))


def _complete(document: dict[str, Any], documents: DocumentStore) -> None:
    uri, version = document["uri"], document.get("version")
    if isinstance(version, float) and version.is_integer():
        document["version"] = int(version)
    elif not isinstance(version, int) or isinstance(version, bool):
        document["version"] = documents.get(uri).version + 1 if uri in documents else 0
    if isinstance(document.get("text"), str) and not isinstance(document.get("languageId"), str):
        from infill_completion.languages.registry import language_id_of  # hardly ever needed, and slow to import

        document["languageId"] = language_id_of(uri)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
