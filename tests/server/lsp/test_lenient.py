"""Clients that leave out versions and languages lose nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infill_server.commands.serve import create_server
from infill_server.lsp.protocol import InfillProtocol

URI = "file:///a.py"
CHANGE = {"range": {"start": {"line": 0, "character": 1}, "end": {"line": 0, "character": 1}}, "text": "b"}
MISSING = object()


@pytest.fixture
def protocol() -> InfillProtocol:
    protocol = create_server().protocol
    protocol.is_initialized = True
    return protocol


def send(protocol: InfillProtocol, method: str, params: dict[str, Any]) -> None:
    protocol.receive(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())


def document(version: object, **others: Any) -> dict[str, Any]:
    return {"uri": URI, **({} if version is MISSING else {"version": version}), **others}


def open_document(protocol: InfillProtocol, version: object = 1, **others: Any) -> None:
    text = {"languageId": "python", "text": "a\n", **others}
    send(protocol, "textDocument/didOpen", {"textDocument": document(version, **text)})


@pytest.mark.parametrize("version", [None, MISSING, "2", 2.0, True, {}])
def test_a_change_without_a_usable_version_is_applied_and_makes_the_document_newer(
    protocol: InfillProtocol, version: object
) -> None:
    open_document(protocol)
    for _ in range(2):
        send(protocol, "textDocument/didChange", {"textDocument": document(version), "contentChanges": [CHANGE]})
    changed = protocol.documents.get(URI)
    assert str(changed.text) == "abb\n"
    assert changed.version >= 2


@pytest.mark.parametrize("version", [None, MISSING, "1", 1.0])
def test_a_document_without_a_usable_version_is_opened(protocol: InfillProtocol, version: object) -> None:
    open_document(protocol, version)
    assert str(protocol.documents.get(URI).text) == "a\n"


@pytest.mark.parametrize("language", [None, 7])
def test_the_name_of_a_document_tells_its_language_if_the_client_does_not(
    protocol: InfillProtocol, language: object
) -> None:
    open_document(protocol, languageId=language)
    assert protocol.documents.get(URI).language_id == "python"


def test_a_change_of_the_whole_text_may_have_a_range_of_null(protocol: InfillProtocol) -> None:
    open_document(protocol)
    changes = [{"range": None, "text": "new\n"}]
    send(protocol, "textDocument/didChange", {"textDocument": document(2), "contentChanges": changes})
    assert str(protocol.documents.get(URI).text) == "new\n"


def test_a_cell_without_a_version_is_edited(protocol: InfillProtocol) -> None:
    cell = {"uri": "cell:a", "version": None, "languageId": "python", "text": "a\n"}
    notebook = {"uri": "file:///a.ipynb", "notebookType": "jupyter-notebook", "version": None}
    described = {**notebook, "cells": [{"kind": 2, "document": "cell:a"}]}
    send(protocol, "notebookDocument/didOpen", {"notebookDocument": described, "cellTextDocuments": [cell]})
    content = [{"document": {"uri": "cell:a", "version": None}, "changes": [CHANGE]}]
    change = {"cells": {"textContent": content}}
    send(protocol, "notebookDocument/didChange", {"notebookDocument": notebook, "change": change})
    assert str(protocol.documents.get("cell:a").text) == "ab\n"


@pytest.mark.parametrize("params", [None, [], {}, {"textDocument": 3}, {"textDocument": {"uri": None}},
    {"change": []}, {"change": {"cells": [], "structure": 1}}, {"cellTextDocuments": 3}])  # fmt: skip
def test_a_notification_that_is_no_such_thing_is_ignored(protocol: InfillProtocol, params: Any) -> None:
    for method in ("textDocument/didChange", "textDocument/didOpen", "notebookDocument/didChange"):
        send(protocol, method, params)
    assert URI not in protocol.documents
