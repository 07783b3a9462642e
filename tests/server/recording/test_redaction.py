"""What of a recording may be written: secrets by character, other names for files, known fields only."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pytest

from infill_server.lsp.positions import Units
from infill_server.recording.identifying_paths import identifying_paths
from infill_server.recording.messages import rebuilt
from infill_server.recording.pseudonyms import Pseudonyms
from infill_server.recording.recorder import Event, Recorder
from infill_server.recording.redaction import redacted

TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


class Recording:
    """A recording without a server."""

    def __init__(self) -> None:
        self.private: set[str] = set()
        self.recorder = Recorder(lambda uri: uri in self.private, lambda: True, lambda: None)

    def open(self, text: str, uri: str = "file:///home/alice/plan.py") -> None:
        item = {"uri": uri, "version": 1, "languageId": "python", "text": text}
        self.recorder.client("textDocument/didOpen", {"textDocument": item})

    def change(self, text: str, at: int | None = None, uri: str = "file:///home/alice/plan.py") -> None:
        change: dict[str, Any] = {"text": text}
        if at is not None:
            change["range"] = {"start": {"line": 0, "character": at}, "end": {"line": 0, "character": at}}
        document = {"uri": uri, "version": 2}
        self.recorder.client("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def written(self, units: Units = Units.UTF16) -> list[Event]:
        recorder = self.recorder
        return redacted(recorder.events, units, recorder.pseudonyms, recorder.left_out)

    def text(self) -> str:
        return json.dumps([event.data for event in self.written()])


def test_a_secret_that_is_typed_with_whole_texts_is_masked_from_its_first_key() -> None:
    recording = Recording()
    line = f'password = "{TOKEN}"'
    recording.open("")
    for end in range(1, len(line) + 1):
        recording.change(line[:end])
    assert not any(TOKEN[at : at + 4] in recording.text() for at in range(len(TOKEN) - 3))


def test_a_secret_that_is_deleted_again_is_masked() -> None:
    recording = Recording()
    recording.open("")
    for at, key in enumerate(f"token = {TOKEN}"):
        recording.change(key, at)
    recording.change("nothing here")
    keys = "".join(
        event.data["params"].get("contentChanges", [{"text": ""}])[0]["text"] for event in recording.written()
    )
    assert "token = ****" in keys
    assert "nothing here" in keys


@pytest.mark.parametrize(("units", "stars"), [(Units.UTF8, 4), (Units.UTF16, 2), (Units.UTF32, 1)])
def test_columns_after_a_masked_character_stay_the_same(units: Units, stars: int) -> None:
    recording = Recording()
    recording.open('password = "correct𝒳horse7battery" + x\n')
    [opened] = recording.written(units)
    text = opened.data["params"]["textDocument"]["text"]
    assert "𝒳" not in text
    assert text.count("*") == len("correcthorse7battery") + stars


def test_a_file_that_becomes_private_is_left_out_from_the_beginning() -> None:
    recording = Recording()
    recording.open("harmless so far")
    recording.open("another", "file:///home/alice/other.py")
    recording.private.add("file:///home/alice/plan.py")
    recording.change("now private")
    assert "harmless" not in recording.text()
    assert "another" in recording.text()


def test_a_lone_half_of_a_character_leaves_its_document_out() -> None:
    recording = Recording()
    recording.open("x = '\ud835'")
    recording.change("\udcb3", 6)
    assert "x = " not in recording.text()


def test_cells_of_a_notebook_are_masked_and_renamed() -> None:
    recording = Recording()
    cell = "vscode-notebook-cell:/home/alice/diary.ipynb#W0sZmlsZQ"
    item = {"uri": cell, "version": 1, "languageId": "python", "text": f'key = "{TOKEN}"'}
    notebook = {
        "uri": "file:///home/alice/diary.ipynb", "version": 1, "notebookType": "jupyter-notebook",
        "cells": [{"kind": 2, "document": cell, "metadata": {"author": "alice"}}], "metadata": {"author": "alice"},
    }  # fmt: skip
    recording.recorder.client("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": [item]})
    [opened] = recording.written()
    assert "alice" not in recording.text()
    assert TOKEN[4:] not in recording.text()
    assert opened.data["params"]["cellTextDocuments"][0]["uri"].startswith("vscode-notebook-cell:/folder1/folder2/file")


@pytest.mark.parametrize("uri", [
    "file:///home/alice/a.py", "file:///c%3A/Users/alice/a.py", "git:/home/alice/a.py?%7B%22path%22%3A%22alice%22%7D",
    "vscode-remote://ssh-remote+alice/home/a.py", "untitled:alice", "/home/alice/a.py", "C:\\Users\\alice\\a.py",
    "file:///home/a.alice-smith",
])  # fmt: skip
def test_no_part_of_a_uri_stays_but_scheme_and_extension(uri: str) -> None:
    assert "alice" not in Pseudonyms().uri(uri)


def test_files_of_one_folder_stay_in_one_folder() -> None:
    names = Pseudonyms()
    one, other, below = (names.uri(f"file:///w/src/{name}") for name in ("a.py", "b.ts", "sub/a.py"))
    assert one.rpartition("/")[0] == other.rpartition("/")[0]
    assert below.startswith(one.rpartition("/")[0])
    assert below.rpartition("/")[2] == one.rpartition("/")[2]
    assert other.endswith(".ts")
    assert names.folder_uri("file:///w/src") == one.rpartition("/")[0]


@pytest.mark.parametrize(
    "params", [None, [], {}, {"textDocument": 1}, {"textDocument": {"uri": "a"}, "contentChanges": 3}]
)
def test_ill_typed_messages_are_left_out(params: object) -> None:
    assert rebuilt("textDocument/didChange", params) is None


def test_unknown_methods_and_fields_are_left_out() -> None:
    assert rebuilt("alice/secret", {"textDocument": {"uri": "a"}}) is None
    found = rebuilt("textDocument/didClose", {"textDocument": {"uri": "a", "owner": "alice"}, "more": "alice"})
    assert found == {"textDocument": {"uri": "a"}}


def test_a_document_that_becomes_private_leaves_nothing_that_was_recorded_before() -> None:
    recording = Recording()
    secret, public = "file:///home/alice/soon.py", "file:///home/alice/other.py"
    recording.open("name = 'first text'", secret)
    recording.open("import soon\n", public)
    recorder = recording.recorder
    recorder.client("textDocument/completion", _asks(secret), 1)
    recorder._add("chunk", {"n": 1, "text": "first text"})
    recorder.sent({"id": 1, "result": {"items": [{"insertText": "first text", "range": None}]}})
    recording.private.add(secret)
    recorder.check_privacy()
    recording.private.clear()
    recording.change("second text", uri=secret)
    recording.open("third text", secret)
    text = recording.text()
    assert not [word for word in ("first text", "second text", "third text") if word in text]
    assert "import soon" in text


def test_paths_that_name_a_person_are_masked_and_such_requests_are_not_compared() -> None:
    recording = Recording()
    recording.open("#!/home/alice/venv/bin/python\nx = \n")
    recording.open("# file:///home/alice/a%20b\n", "file:///b.py")
    recording.recorder.client("textDocument/completion", _asks("file:///b.py"), 1)
    recording.recorder.sent({"id": 1, "result": None})
    recorder = recording.recorder
    names = identifying_paths([PurePosixPath("/home/alice"), PurePosixPath("/home/alice/a b"), PurePosixPath("/x")])
    events = redacted(recorder.events, Units.UTF16, recorder.pseudonyms, recorder.left_out, names)
    text = json.dumps([event.data for event in events])
    assert "alice" not in text
    assert "a%20b" not in text
    assert "/venv/bin/python" in text
    assert events[-1].data["redacted"]


def test_a_secret_in_the_popup_marks_the_request() -> None:
    recording = Recording()
    recording.open("x = \n")
    place = {"line": 0, "character": 4}
    selected = {"range": {"start": place, "end": place}, "text": TOKEN}
    asks = {**_asks("file:///home/alice/plan.py"), "context": {"triggerKind": 1, "selectedCompletionInfo": selected}}
    recording.recorder.client("textDocument/inlineCompletion", asks, 1)
    recording.recorder.sent({"id": 1, "result": None})
    assert TOKEN not in recording.text()
    assert recording.written()[-1].data["redacted"]


def _asks(uri: str) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}
