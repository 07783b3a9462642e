"""Which edits a client is going to follow with a request, and where the cursor then is."""

from __future__ import annotations

import pytest
from lsprotocol import types

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_server.lsp.anticipation import LEAST_LAG_S, Anticipation
from infill_server.lsp.documents import DocumentStore

URI = "file:///a.py"


class Client:
    """A client with one document, which asks a given time after each edit."""

    def __init__(self, text: str = "x = f") -> None:
        self.expected: list[Snapshot] = []
        self.store = DocumentStore()
        self.now_s = 0.0
        self.anticipation = Anticipation(self.expected.append, lambda: self.now_s)
        self.store.on_edits = self.anticipation.edited
        self.store.open(types.TextDocumentItem(URI, "python", 1, text))

    def edit(self, *edits: tuple[types.Range, str]) -> None:
        version = self.store.get(URI).version + 1
        changes = [types.TextDocumentContentChangePartial(range_, text) for range_, text in edits]
        self.store.change(types.VersionedTextDocumentIdentifier(version, URI), changes)

    def type(self, text: str) -> None:
        document = self.store.get(URI)
        end = document.text.position(len(str(document.text)))
        self.edit((types.Range(end, end), text))

    def ask(self, lag_s: float, position: types.Position | None = None, trigger: Trigger = Trigger.AUTOMATIC) -> None:
        """Ask at a position, or where the last edit ended, so long after it."""
        document = self.store.get(URI)
        position = position or document.text.position(len(str(document.text)))
        snapshot = document.snapshot(position, trigger)
        self.now_s = (snapshot.typed_s or 0.0) + lag_s
        self.anticipation.requested(snapshot)


def waiting(text: str = "x = f") -> Client:
    """Return a client that has waited for a pause once."""
    client = Client(text)
    client.type("o")
    client.ask(5 * LEAST_LAG_S)
    return client


def marked(snapshot: Snapshot) -> str:
    return f"{snapshot.prefix}|{snapshot.suffix}"


def test_a_key_is_anticipated_after_a_request_that_waited() -> None:
    client = waiting()
    assert not client.expected
    client.type("o")
    [snapshot] = client.expected
    assert marked(snapshot) == "x = foo|"
    assert snapshot.trigger is Trigger.AUTOMATIC
    assert snapshot.version == client.store.get(URI).version
    assert snapshot.typed_s is not None


def test_a_key_that_no_request_followed_ends_it_until_the_next_request() -> None:
    client = waiting()
    client.type("o")
    client.type("b")
    assert len(client.expected) == 1
    client.ask(2 * LEAST_LAG_S)
    client.type("a")
    assert len(client.expected) == 2


def test_a_client_that_asks_at_once_is_not_anticipated() -> None:
    client = waiting()
    client.ask(LEAST_LAG_S / 2)
    client.type("o")
    assert not client.expected


def test_an_invoked_request_says_nothing_about_waiting() -> None:
    client = waiting()
    client.ask(0, trigger=Trigger.INVOKED)
    client.type("o")
    assert client.expected


def test_a_request_after_the_cursor_has_moved_is_no_sign() -> None:
    client = waiting()
    client.ask(9, types.Position(0, 1))
    client.type("o")
    assert not client.expected


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("(", "x = fo(|"),
        ("()", "x = fo(|)"),
        ('""', 'x = fo"|"'),
        ("\n    ", "x = fo\n    |"),
        ("\n    \n", "x = fo\n    |\n"),
        ("\r\n\t\r\n", "x = fo\r\n\t|\r\n"),
        ("r(x)\n", "x = for(x)\n|"),
        ("é😀", "x = foé😀|"),
    ],
)
def test_the_cursor_is_where_typing_leaves_it(text: str, cursor: str) -> None:
    client = waiting()
    client.type(text)
    assert [marked(snapshot) for snapshot in client.expected] == [cursor]


def test_a_deleted_character_is_anticipated_too() -> None:
    client = waiting()
    client.edit((types.Range(types.Position(0, 5), types.Position(0, 6)), ""))
    assert [marked(snapshot) for snapshot in client.expected] == ["x = f|"]


def test_several_cursors_are_not() -> None:
    client = waiting("x\ny\n")
    places = (types.Position(0, 0), types.Position(1, 0))
    client.edit(*((types.Range(place, place), "a") for place in places))
    assert not client.expected
