"""The messages of a client that a trace holds, rebuilt from their known fields; everything else is left out.

A message is rebuilt instead of being cleaned, so an unforeseen field cannot reach a trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lsprotocol import types

Json = dict[str, Any]
COMPLETIONS = frozenset({types.TEXT_DOCUMENT_COMPLETION, types.TEXT_DOCUMENT_INLINE_COMPLETION})
# Rejected input of these methods changes nothing, so it need not be replayed.
_COMMANDS = frozenset({"infill.accepted", "infill.explain"})


def rebuilt(method: str, params: Any) -> Json | None:
    """Return the known fields of a message's parameters; None if the message is not part of a trace."""
    builder = _BUILDERS.get(method)
    if builder is None or not isinstance(params, Mapping):
        return None
    try:
        return builder(params)
    except (AttributeError, KeyError, TypeError, ValueError):  # ill-typed: the server ignores or refuses it as well
        return None


def _position(value: Any) -> Json:
    return {"line": int(value["line"]), "character": int(value["character"])}


def _range(value: Any) -> Json:
    return {"start": _position(value["start"]), "end": _position(value["end"])}


def _document(value: Any) -> Json:
    return {"uri": str(value["uri"])}


def _versioned(value: Any) -> Json:
    return {"uri": str(value["uri"]), "version": int(value["version"])}


def _item(value: Any) -> Json:
    return {**_versioned(value), "languageId": str(value["languageId"]), "text": str(value["text"])}


def _changes(values: Any) -> list[Json]:
    return [
        {"text": str(value["text"]), **({"range": _range(value["range"])} if value.get("range") else {})}
        for value in values
    ]


def _opened(params: Any) -> Json:
    return {"textDocument": _item(params["textDocument"])}


def _changed(params: Any) -> Json:
    return {
        "textDocument": _versioned(params["textDocument"]),
        "contentChanges": _changes(params["contentChanges"]),
    }


def _closed(params: Any) -> Json:
    return {"textDocument": _document(params["textDocument"])}


def _cells(values: Any) -> list[Json]:
    return [{"kind": int(value["kind"]), "document": str(value["document"])} for value in values or ()]


def _notebook_opened(params: Any) -> Json:
    notebook = params["notebookDocument"]
    return {
        "notebookDocument": {
            **_versioned(notebook),
            "notebookType": str(notebook["notebookType"]),
            "cells": _cells(notebook["cells"]),
        },
        "cellTextDocuments": [_item(item) for item in params["cellTextDocuments"]],
    }


def _notebook_changed(params: Any) -> Json:
    found: Json = {}
    cells = params["change"].get("cells") or {}
    if structure := cells.get("structure"):
        array = structure["array"]
        found["structure"] = {
            "array": {
                "start": int(array["start"]),
                "deleteCount": int(array["deleteCount"]),
                "cells": _cells(array.get("cells")),
            },
            "didOpen": [_item(item) for item in structure.get("didOpen") or ()],
            "didClose": [_document(item) for item in structure.get("didClose") or ()],
        }
    if contents := cells.get("textContent"):
        found["textContent"] = [
            {"document": _versioned(one["document"]), "changes": _changes(one["changes"])} for one in contents
        ]
    return {"notebookDocument": _versioned(params["notebookDocument"]), "change": {"cells": found}}


def _notebook_closed(params: Any) -> Json:
    return {
        "notebookDocument": _document(params["notebookDocument"]),
        "cellTextDocuments": [_document(item) for item in params["cellTextDocuments"]],
    }


def _asked(params: Any) -> Json:
    context = params.get("context") or {}
    found: Json = {name: context[name] for name in ("triggerKind",) if isinstance(context.get(name), int)}
    if isinstance(context.get("triggerCharacter"), str):
        found["triggerCharacter"] = context["triggerCharacter"][:1]
    if selected := context.get("selectedCompletionInfo"):
        found["selectedCompletionInfo"] = {"range": _range(selected["range"]), "text": str(selected["text"])}
    return {
        "textDocument": _document(params["textDocument"]),
        "position": _position(params["position"]),
        **({"context": found} if found else {}),
    }


def _command(params: Any) -> Json | None:
    name, arguments = params["command"], params.get("arguments") or []
    if name not in _COMMANDS:
        return None
    if name == "infill.accepted":
        uri, text = arguments
        return {"command": name, "arguments": [str(uri), str(text)]}
    places = [
        {"textDocument": _document(place["textDocument"]), "position": _position(place["position"])}
        for place in arguments
    ]
    return {"command": name, "arguments": places}


def _folders(params: Any) -> Json:
    event = params["event"]
    return {
        "event": {
            side: [{"uri": str(folder["uri"]), "name": "folder"} for folder in event.get(side) or ()]
            for side in ("added", "removed")
        }
    }


_BUILDERS: dict[str, Callable[[Any], Json | None]] = {
    types.TEXT_DOCUMENT_DID_OPEN: _opened,
    types.TEXT_DOCUMENT_DID_CHANGE: _changed,
    types.TEXT_DOCUMENT_DID_CLOSE: _closed,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: _notebook_opened,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: _notebook_changed,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: _notebook_closed,
    types.TEXT_DOCUMENT_COMPLETION: _asked,
    types.TEXT_DOCUMENT_INLINE_COMPLETION: _asked,
    types.WORKSPACE_EXECUTE_COMMAND: _command,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: _folders,
    "textDocument/didFocus": _closed,
}


def is_recorded(method: str) -> bool:
    """Return whether a trace may hold messages of a method."""
    return method in _BUILDERS or method in {types.CANCEL_REQUEST, types.WORKSPACE_DID_CHANGE_CONFIGURATION}


def uris_of(method: str, params: Json) -> list[str]:
    """Return the URIs of the documents that a rebuilt message is about, the notebook's first."""
    found: list[str] = [params[name]["uri"] for name in ("notebookDocument", "textDocument") if name in params]
    found += [item["uri"] for item in params.get("cellTextDocuments", ())]
    cells = params.get("change", {}).get("cells", {})
    structure = cells.get("structure", {})
    found += [item["uri"] for name in ("didOpen", "didClose") for item in structure.get(name, ())]
    found += [one["document"]["uri"] for one in cells.get("textContent", ())]
    if method == types.WORKSPACE_EXECUTE_COMMAND:
        arguments = params["arguments"]
        is_accepted = params["command"] == "infill.accepted"
        found += [arguments[0]] if is_accepted else [place["textDocument"]["uri"] for place in arguments]
    return found
