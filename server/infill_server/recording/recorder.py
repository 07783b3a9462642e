"""Collects what happens in one window while a session is recorded; nothing of it is written before it is redacted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lsprotocol import types

from infill_completion.api import Chunk, CompletionRequest, ContextItem
from infill_server.recording.messages import COMPLETIONS, Json, rebuilt, uris_of
from infill_server.recording.pseudonyms import Pseudonyms
from infill_server.recording.turns import Turns

MAX_BYTES = 8_000_000
# What a session begins with must leave room for the session.
_MAX_OPENED_BYTES = MAX_BYTES // 2
_MAX_EVENTS = 100_000


@dataclass(frozen=True)
class Event:
    """One event; the order of all events is the order in which the server saw them.

    Attributes:
        kind: ``client``, ``answer``, ``settings``, or ``asked``, ``chunk`` and ``over`` of the engine.
        at_ms: The time since the recording began.
        data: What belongs to it; see `infill_server.recording.redaction`.
    """

    kind: str
    at_ms: float
    data: Json


@dataclass
class Recorder:
    """The events of a recording.

    Args:
        is_private: Returns whether the document of a URI must not be recorded.
        is_ready: Returns whether the engine is ready.
        on_full: Called once, when the recording has become as large as it may.
        clock: Seconds that never go back.

    Attributes:
        events: What happened so far.
        pseudonyms: The names of files that the model sees meanwhile.
        left_out: Documents of which nothing is recorded.
    """

    is_private: Callable[[str], bool]
    is_ready: Callable[[], bool]
    on_full: Callable[[], object]
    clock: Callable[[], float] = time.monotonic
    events: list[Event] = field(default_factory=list)
    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)
    left_out: set[str] = field(default_factory=set)
    _bytes: int = 0
    _began_s: float = field(init=False)
    _seen: set[str] = field(default_factory=set)
    _private: set[str] = field(default_factory=set)
    _ids: dict[object, int] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)
    _asked: int = 0
    _is_full: bool = False

    def __post_init__(self) -> None:
        self._began_s = self.clock()

    def begin(self, documents: Sequence[types.TextDocumentItem], notebooks: Sequence[tuple[str, list[str]]]) -> None:
        """Record the documents that are open, the last focused last; the longest ago are left out if they are large."""
        room, taken = _MAX_OPENED_BYTES, []
        for item in reversed(documents):
            room -= len(item.text)
            if room < 0:
                self.left_out.add(item.uri)
                room += len(item.text)
            else:
                taken.append(item)
        items = {item.uri: item for item in reversed(taken)}
        for uri, cells in notebooks:
            inside = [items.pop(cell) for cell in cells if cell in items]
            self.client(types.NOTEBOOK_DOCUMENT_DID_OPEN, _opened_notebook(uri, inside))
        for item in items.values():
            self.client(types.TEXT_DOCUMENT_DID_OPEN, {"textDocument": _opened(item)})

    async def admit(self, _body: bytes) -> None:
        """Return when a message of the client may be processed."""
        await self._turns.take()

    def message(self, message: Any) -> None:
        """Record a message of the client if it is part of a trace."""
        if not isinstance(message, dict) or not isinstance(method := message.get("method"), str):
            return
        if method == types.CANCEL_REQUEST:
            params = message.get("params")
            number = self._ids.get(params.get("id")) if isinstance(params, dict) else None
            if number is not None:
                self._add("client", {"method": method, "params": {"id": number}})
            return
        self.client(method, message.get("params"), message.get("id"))

    def client(self, method: str, params: Any, msg_id: object = None) -> None:
        """Record one message by its method, its parameters and its id."""
        known = rebuilt(method, params)
        if known is None or self._is_hidden(method, known):
            return
        data: Json = {"method": method, "params": known}
        if isinstance(msg_id, int | str):
            data["id"] = self._ids[msg_id] = len(self._ids) + 1
        self._bytes += len(str(known))
        self._add("client", data)

    def sent(self, message: Any) -> None:
        """Record an answer to a recorded request."""
        if not isinstance(message, dict) or "method" in message:
            return
        number = self._ids.get(message.get("id"))
        if number is None:
            return
        error = message.get("error")
        data: Json = {"id": number}
        data |= {"error": error.get("code")} if error else {"items": shown_items(message.get("result"))}
        if not self.is_ready():
            data["is_ready"] = False
        self._bytes += len(str(data))
        self._add("answer", data)

    def settings(self, table: Json) -> None:
        """Record settings that apply from now on."""
        self._add("settings", {"settings": table})

    def check_privacy(self) -> None:
        """Leave out documents that have become private; nothing of what was recorded of them before is written."""
        self._private.update(uri for uri in self._seen if self.is_private(uri))
        self.left_out |= self._private

    # The engine's side; see `ObservedEngine`.

    async def asked(self, request: CompletionRequest) -> tuple[int, CompletionRequest]:
        """Record a request to the engine; return its number, and the request with the pseudonyms of files."""
        self._asked += 1
        context = tuple(ContextItem(self.pseudonyms.path(item.path), item.text) for item in request.context)
        request = replace(request, context=context)
        self._add("asked", {"n": self._asked, "request": request})
        return self._asked, request

    async def chunk(self, number: int, index: int, chunk: Chunk) -> None:
        """Record a chunk when it is its turn."""
        del index
        await self._turns.take()
        self._bytes += len(chunk.text) + 60
        fields = {name: value for name, value in asdict(chunk).items() if name in _CHUNK_FIELDS and value}
        self._add("chunk", {"n": number, **fields})

    def over(self, number: int, how: str, error: str = "") -> None:
        """Record the end of a request: ``ended``, ``closed`` by the server, or ``failed`` with an error."""
        self._add("over", {"n": number, "how": how, **({"error": error} if error else {})})

    def _is_hidden(self, method: str, params: Json) -> bool:
        """Return whether a message is about a document that must not be recorded, and remember that."""
        uris = uris_of(method, params)
        if method == types.TEXT_DOCUMENT_DID_OPEN:
            self.left_out.difference_update(uris)
        self._seen.update(uris)
        self._private.update(uri for uri in uris if self.is_private(uri))
        hidden = [uri for uri in uris if uri in self.left_out or uri in self._private]
        self.left_out.update(hidden)
        return bool(hidden)

    def _add(self, kind: str, data: Json) -> None:
        if self._is_full:
            return
        self.events.append(Event(kind, (self.clock() - self._began_s) * 1000, data))
        if self._bytes > MAX_BYTES or len(self.events) > _MAX_EVENTS:
            self._is_full = True
            self.on_full()


_CHUNK_FIELDS = ("index", "text", "finish_reason", "logprob_sum", "token_count")


def shown_items(result: Any) -> list[Json]:
    """Return what a client would insert for each item of an answer: text and range."""
    items = result.get("items", []) if isinstance(result, dict) else result if isinstance(result, list) else []
    found = []
    for item in items:
        edit = item.get("textEdit") or {}
        text, range_ = edit.get("newText", item.get("insertText", "")), edit.get("range") or item.get("range")
        found.append({"text": text, "range": range_})
    return found


def _opened(item: types.TextDocumentItem) -> Json:
    return {"uri": item.uri, "version": item.version, "languageId": item.language_id, "text": item.text}


def _opened_notebook(uri: str, cells: Sequence[types.TextDocumentItem]) -> Json:
    return {
        "notebookDocument": {
            "uri": uri,
            "version": 0,
            "notebookType": "jupyter-notebook",
            "cells": [{"kind": 2, "document": item.uri} for item in cells],
        },
        "cellTextDocuments": [_opened(item) for item in cells],
    }


def is_completion(event: Event) -> bool:
    """Return whether an event is a request for suggestions."""
    return event.kind == "client" and event.data["method"] in COMPLETIONS


def folders_opened(folders: Sequence[Path]) -> list[Json]:
    """Return workspace folders as a client names them."""
    return [{"uri": folder.as_uri(), "name": "folder"} for folder in folders]
