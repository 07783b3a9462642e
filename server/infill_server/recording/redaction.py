"""From the events of a recording to those of a trace: secrets masked, names of files replaced, private files left out.

What belongs to an event of a trace, by its kind:

* ``client``: ``method``, ``params`` and, of a request, ``id``.
* ``answer``: ``id`` and ``items`` (text and range each) or ``error``; ``redacted`` if the model saw what was masked.
* ``settings``: the ``settings`` that apply from now on.
* ``asked``: the number ``n`` of a request to the engine, and ``sha256`` of it unless the model saw what was masked.
* ``chunk``: ``n`` and the fields of a chunk. ``over``: ``n`` and ``how`` the request ended.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lsprotocol import types

from infill_completion.api import CompletionRequest
from infill_server.lsp.positions import Units
from infill_server.recording.messages import COMPLETIONS, Json, uris_of
from infill_server.recording.pseudonyms import Pseudonyms
from infill_server.recording.recorder import Event
from infill_server.recording.secret_tracking import SecretTracker, scrubbed

_LINE_CHARACTERS = 2000
_NEVER = 1 << 62
# They decide when a request is answered and how long that may take, and what is said about the answer.
_NOT_FOR_THE_MODEL = frozenset({"deadline_ms", "explain", "is_invoked", "ahead", "next_characters"})


def redacted(
    events: Sequence[Event],
    units: Units,
    pseudonyms: Pseudonyms,
    left_out: Iterable[str],
    names: frozenset[str] = frozenset(),
) -> list[Event]:
    """Return the events that may be written.

    A secret that was recognised in one version of one document is masked in all of them, also where it was typed key by
    key or copied to. So are ``names``, which the model has seen.
    """
    finding = SecretTracker(units)
    _follow(events, finding)
    marking = SecretTracker(units, finding.secrets, names)
    _follow(events, marking)
    # The third pass gives the same numbers to the same characters.
    masking = SecretTracker(units, marking.known, names, marking.recognised_at, searches=False)
    redaction = _Redaction(pseudonyms, {*left_out, *marking.unsafe}, masking, marking.unrecognised())
    redaction.read_events(events)
    return [made for index, event in enumerate(events) if (made := redaction.event(index, event)) is not None]


def digest(request: CompletionRequest) -> str:
    """Return the SHA-256 of what a request says to the model."""
    body = {name: value for name, value in request.to_json().items() if name not in _NOT_FOR_THE_MODEL}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def edits_of(method: str, params: Json) -> list[tuple[str, str, Json]]:
    """Return the edits of a message in the order in which they apply: ``open``, ``change`` or ``close``, URI and data.

    The data is the part of ``params`` that holds the ``text``.
    """
    if method == types.TEXT_DOCUMENT_DID_CHANGE:
        return [("change", params["textDocument"]["uri"], change) for change in params["contentChanges"]]
    if method == types.TEXT_DOCUMENT_DID_OPEN:
        return [("open", params["textDocument"]["uri"], params["textDocument"])]
    if method == types.TEXT_DOCUMENT_DID_CLOSE:
        return [("close", params["textDocument"]["uri"], params["textDocument"])]
    what = "close" if method == types.NOTEBOOK_DOCUMENT_DID_CLOSE else "open"
    found = [(what, item["uri"], item) for item in params.get("cellTextDocuments", ())]
    cells = params["change"]["cells"] if method == types.NOTEBOOK_DOCUMENT_DID_CHANGE else {}
    structure = cells.get("structure", {})
    found += [("open", item["uri"], item) for item in structure.get("didOpen", ())]
    found += [("close", item["uri"], item) for item in structure.get("didClose", ())]
    for one in cells.get("textContent", ()):
        found += [("change", one["document"]["uri"], change) for change in one["changes"]]
    return found


def _follow(events: Sequence[Event], tracker: SecretTracker) -> None:
    """Let ``tracker`` see all edits."""
    for index, event in enumerate(events):
        tracker.now = index
        if event.kind == "client":
            _apply(tracker, event.data["method"], event.data["params"])
    tracker.now = len(events)
    tracker.close_all()


def _apply(tracker: SecretTracker, method: str, params: Json) -> Json:
    """Let ``tracker`` see the edits of a message, and return its parameters with masked texts."""
    made: Json = copy.deepcopy(params)
    for what, uri, data in edits_of(method, made):
        if what == "close":
            tracker.closed(uri)
            continue
        text = data["text"]
        if what == "open":
            numbers = tracker.opened(uri, text)
        else:
            numbers = tracker.changed(uri, text, _lsp_range(data.get("range")))
        data["text"] = tracker.masked(text, numbers)
    return made


def _lsp_range(value: Json | None) -> types.Range | None:
    return None if value is None else types.Range(types.Position(**value["start"]), types.Position(**value["end"]))


@dataclass
class _Redaction:
    """The last pass over the events, with all secrets known."""

    pseudonyms: Pseudonyms
    hidden: set[str]
    tracker: SecretTracker
    unrecognised: list[tuple[int, int]]
    _secrets: list[str] = field(init=False)
    _lines: dict[int, tuple[bool, str, str]] = field(default_factory=dict)
    _choices: dict[tuple[int, int], str] = field(default_factory=dict)
    # From this event on, the model may repeat what it saw of a document that has become private.
    _hidden_from: int = _NEVER

    def __post_init__(self) -> None:
        self._secrets = sorted(self.tracker.known | self.tracker.names, key=len, reverse=True)

    def read_events(self, events: Sequence[Event]) -> None:
        """Put together what the model wrote, since a secret may extend over several chunks."""
        for index, event in enumerate(events):
            if event.kind == "client" and self._is_hidden(event.data):
                self._hidden_from = min(self._hidden_from, index)
            if event.kind == "chunk":
                key = event.data["n"], event.data.get("index", 0)
                self._choices[key] = self._choices.get(key, "") + event.data.get("text", "")
        self._choices = {key: scrubbed(text, self._secrets) for key, text in self._choices.items()}

    def event(self, index: int, event: Event) -> Event | None:
        """Return an event of the trace; None if it is left out."""
        made = self._made(index, event.kind, event.data)
        return None if made is None else replace(event, at_ms=round(event.at_ms, 1), data=made)

    def _made(self, index: int, kind: str, data: Json) -> Json | None:
        if kind == "client":
            return self._client(index, data)
        if kind == "answer":
            return self._answer(index, data)
        if kind == "asked":
            seen = {} if self._is_unrecognised(index) else {"sha256": digest(data["request"])}
            return {"n": data["n"], **seen}
        if kind == "chunk":
            return self._chunk(index, data)
        return {name: value for name, value in data.items() if name != "error"}

    def _client(self, index: int, data: Json) -> Json | None:
        method, params = data["method"], data["params"]
        if method == types.CANCEL_REQUEST:
            return data if params["id"] in self._lines else None
        masked = _apply(self.tracker, method, params)
        if self._is_hidden(data):
            return None
        if "id" in data:
            line = ("", "")
            is_seen = self._is_unrecognised(index)
            if method in COMPLETIONS:
                selected = params.get("context", {}).get("selectedCompletionInfo", {}).get("text", "")
                is_seen = is_seen or scrubbed(selected, self._secrets) != selected
                position = types.Position(**params["position"])
                line = self.tracker.text_before(params["textDocument"]["uri"], position, _LINE_CHARACTERS)
            self._lines[data["id"]] = (is_seen, *line)
        return {**data, "params": self._mapped(method, masked)}

    def _is_hidden(self, data: Json) -> bool:
        return not self.hidden.isdisjoint(uris_of(data["method"], data["params"]))

    def _answer(self, index: int, data: Json) -> Json | None:
        if data["id"] not in self._lines:
            return None
        is_redacted, line, masked = self._lines[data["id"]]
        made = dict(data)
        if "items" in data and index > self._hidden_from:
            made["items"], is_redacted = [], True
        elif "items" in data:
            made["items"] = [{**item, "text": self._shown(item["text"], line, masked)} for item in data["items"]]
        return made | ({"redacted": True} if is_redacted else {})

    def _chunk(self, index: int, data: Json) -> Json:
        if index > self._hidden_from:
            return {name: value for name, value in data.items() if name != "text"}
        key = data["n"], data.get("index", 0)
        length = len(data.get("text", ""))
        text, self._choices[key] = self._choices[key][:length], self._choices[key][length:]
        return {**data, "text": text} if text else data

    def _is_unrecognised(self, index: int) -> bool:
        """Return whether the model may have seen something that the trace masks."""
        return any(born <= index < recognised for born, recognised in self.unrecognised)

    def _shown(self, text: str, line: str, masked: str) -> str:
        """Return the text of an item; it begins with the text before the cursor."""
        if line == masked:
            return scrubbed(text, self._secrets)
        longest = next((count for count in range(len(line), 0, -1) if text.startswith(line[-count:])), 0)
        # Masks of characters outside the Basic Multilingual Plane are wider, so this takes the end of the masked line.
        head = masked[len(masked) - longest :] if longest else ""
        return head + scrubbed(text[longest:], self._secrets)

    def _mapped(self, method: str, params: Any) -> Any:
        """Replace the URIs, and the texts that no document holds."""
        if isinstance(params, list):
            return [self._mapped(method, value) for value in params]
        if not isinstance(params, dict):
            return params
        made = {name: self._mapped(method, value) for name, value in params.items()}
        if "uri" in made:
            is_folder = method == types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS
            made["uri"] = (self.pseudonyms.folder_uri if is_folder else self.pseudonyms.uri)(params["uri"])
        if isinstance(made.get("document"), str):
            made["document"] = self.pseudonyms.uri(params["document"])
        if "selectedCompletionInfo" in made:
            made["selectedCompletionInfo"]["text"] = scrubbed(made["selectedCompletionInfo"]["text"], self._secrets)
        if made.get("command") == "infill.accepted":
            uri, text = params["arguments"]
            made["arguments"] = [self.pseudonyms.uri(uri), scrubbed(text, self._secrets)]
        return made
