"""A recording ends when it has become as large as it may."""

from __future__ import annotations

from lsprotocol import types

from infill_server.recording.recorder import Recorder

URI = "file:///home/a/plan.py"


def test_a_recording_ends_once_at_eight_megabytes() -> None:
    ends: list[int] = []
    recorder = Recorder(lambda _uri: False, lambda: True, lambda: ends.append(len(recorder.events)))
    paste = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": "x" * 999_000}]}
    for _ in range(12):
        recorder.client("textDocument/didChange", paste)
    assert ends == [9]
    assert len(recorder.events) == 9


def test_of_the_open_documents_those_focused_last_are_recorded_up_to_half_of_that() -> None:
    recorder = Recorder(lambda _uri: False, lambda: True, lambda: None)
    texts = {f"{URI}{number}": "x" * 1_500_000 for number in range(3)}
    recorder.begin([types.TextDocumentItem(uri, "python", 1, text) for uri, text in texts.items()], [])
    assert [event.data["params"]["textDocument"]["uri"] for event in recorder.events] == [f"{URI}1", f"{URI}2"]
    assert recorder.left_out == {f"{URI}0"}
