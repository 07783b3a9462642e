"""When the user pauses, and when not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from lsprotocol import types

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_server.lsp import pauses
from infill_server.lsp.documents import Document, DocumentStore
from infill_server.lsp.pauses import Pauses


class Typist:
    """Types in one document; each pause is recorded."""

    def __init__(self) -> None:
        self.paused: list[Snapshot] = []
        self.store = DocumentStore()
        self.pauses = Pauses(self.paused.append, self.store.holds)
        self.store.on_edits = self.pauses.edited
        self.document = self.open("file:///a.py")

    def open(self, uri: str) -> Document:
        self.store.open(types.TextDocumentItem(uri, "python", 1, "x = \n"))
        return self.store.get(uri)

    def type(self, text: str, column: int = 4, document: Document | None = None, version: int = 2) -> None:
        at = types.Position(0, column)
        change = types.TextDocumentContentChangePartial(text=text, range=types.Range(at, at))
        uri = (document or self.document).uri
        self.store.change(types.VersionedTextDocumentIdentifier(version, uri), [change])

    def answered(self, trigger: Trigger = Trigger.AUTOMATIC, column: int = 4, document: Document | None = None) -> None:
        document = document or self.document
        self.pauses.answered(document, document.snapshot_at((0, column), trigger), (0, column))

    async def wait(self) -> list[tuple[str, int, int]]:
        """Let the time pass that a pause takes."""
        for _ in range(5):
            await asyncio.sleep(0)
        return [(snapshot.uri, snapshot.version, snapshot.offset) for snapshot in self.paused]


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch) -> Typist:
    monkeypatch.setattr(pauses, "PAUSE_S", 0.0)
    return Typist()


async def test_a_pause_after_an_answer(typist: Typist) -> None:
    typist.answered()
    assert await typist.wait() == [("file:///a.py", 1, 4)]


async def test_a_pause_after_keys_that_need_no_request(typist: Typist) -> None:
    typist.answered()
    typist.type("a")
    typist.type("b", 5, version=3)
    assert await typist.wait() == [("file:///a.py", 3, 6)]


async def test_the_cursor_is_inside_brackets_that_the_editor_closes(typist: Typist) -> None:
    typist.answered()
    typist.type("()")
    assert await typist.wait() == [("file:///a.py", 2, 5)]


async def test_an_editor_without_ghost_text_has_no_pauses(typist: Typist) -> None:
    typist.type("a")
    assert await typist.wait() == []


async def test_a_pause_elsewhere_replaces_the_former(typist: Typist) -> None:
    typist.answered()
    typist.answered(column=2)
    assert await typist.wait() == [("file:///a.py", 1, 2)]


async def test_the_second_answer_at_a_place_waits_no_longer(typist: Typist) -> None:
    typist.answered()
    typist.answered()
    assert await typist.wait() == [("file:///a.py", 1, 4)]


async def test_what_was_invoked_stays(typist: Typist) -> None:
    typist.answered()
    typist.answered(Trigger.INVOKED)
    assert await typist.wait() == []


async def test_an_entry_of_the_popup_is_no_place(typist: Typist) -> None:
    snapshot = replace(typist.document.snapshot_at((0, 4), Trigger.AUTOMATIC), selected=(4, 4, "total"))
    typist.pauses.answered(typist.document, snapshot, (0, 4))
    assert await typist.wait() == []


async def test_a_document_that_was_closed_or_opened_again(typist: Typist) -> None:
    typist.answered()
    typist.store.close("file:///a.py")
    typist.open("file:///a.py")
    assert await typist.wait() == []


async def test_several_edits_at_once_are_not_typing(typist: Typist) -> None:
    typist.answered()
    place = types.Position(0, 0)
    change = types.TextDocumentContentChangePartial(text="a", range=types.Range(place, place))
    typist.store.change(types.VersionedTextDocumentIdentifier(2, "file:///a.py"), [change, change])
    assert await typist.wait() == []


async def test_the_end_of_the_session(typist: Typist) -> None:
    typist.answered()
    typist.pauses.stop()
    assert await typist.wait() == []
