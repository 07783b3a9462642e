"""What becomes of suggestions: outcomes, characters taken, and whether they are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from lsprotocol.types import (
    DidChangeTextDocumentParams,
    Range,
    TextDocumentContentChangePartial,
    TextDocumentContentChangeWholeDocument,
    TextDocumentItem,
    VersionedTextDocumentIdentifier,
)

from infill_completion.document.snapshot import Answer, Snapshot, Suggestion
from infill_server.lsp.documents import DocumentStore
from infill_server.lsp.positions import Units
from infill_server.records.observer import SuggestionObserver
from infill_server.records.offered import Offered
from infill_server.records.row import SuggestionOutcome, SuggestionRow

URI = "file:///a%20b.py"
ACCEPTED, PARTLY, UNDONE = SuggestionOutcome.ACCEPTED, SuggestionOutcome.PARTLY, SuggestionOutcome.UNDONE
TYPED, TYPED_OVER, IGNORED = SuggestionOutcome.TYPED, SuggestionOutcome.TYPED_OVER, SuggestionOutcome.IGNORED


@dataclass
class Rows:
    """The rows as the database would have them."""

    by_id: dict[int, SuggestionRow] = field(default_factory=dict)

    def put(self, row: SuggestionRow) -> None:
        self.by_id[row.id] = row

    def discard(self) -> None:
        self.by_id.clear()


class Window:
    """A window with one document, whose clock the test moves."""

    def __init__(self, text: str) -> None:
        self.is_on = True
        self.sink = Rows()
        self.due: list[list[Any]] = []
        self.documents = DocumentStore(Units.UTF32)
        self.observer = SuggestionObserver(self.sink, lambda: self.is_on, self.documents.text_at, self._schedule)
        self.documents.on_edits = self.observer.edited
        self.documents.open(TextDocumentItem(URI, "python", 1, text))
        self.offset = len(text)

    @property
    def text(self) -> str:
        """The document."""
        return str(self.documents.get(URI).text)

    @property
    def rows(self) -> list[SuggestionRow]:
        """What has been recorded."""
        return list(self.sink.by_id.values())

    @property
    def outcomes(self) -> list[SuggestionOutcome]:
        """The outcomes of what has been recorded."""
        return [row.outcome for row in self.rows]

    def show(self, *texts: str, face: str = "inline", offset: int | None = None, estimate: float | None = None) -> None:
        """Answer a request at the cursor."""
        at = self.offset if offset is None else offset
        snapshot = Snapshot(URI, 1, "python", self.text, at)
        details: dict[str, object] = {} if estimate is None else {"estimate": estimate}
        answer = Answer(tuple(Suggestion(text, at, at, 0.5) for text in texts), details=details)
        position = self.documents.get(URI).text.position(at)
        self.observer.offered(
            Offered.of(
                snapshot, answer, (position.line, position.character),
                face=face, model="org/model", source="engine", latency_ms=12.5,
            )
        )  # fmt: skip

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a range."""
        place = self.documents.get(URI).text.position
        change = TextDocumentContentChangePartial(Range(place(start), place(end)), text)
        params = DidChangeTextDocumentParams(VersionedTextDocumentIdentifier(2, URI), [change])
        self.documents.change(params.text_document, params.content_changes)

    def type(self, text: str) -> None:
        """Insert text at the cursor."""
        self.replace(self.offset, self.offset, text)
        self.offset += len(text)

    def accept(self, text: str, inserted: str | None = None, *, is_first: bool = False) -> None:
        """Insert a suggestion and report it, or the other way around."""
        if is_first:
            self.observer.accepted(URI, text)
        self.type(text if inserted is None else inserted)
        if not is_first:
            self.observer.accepted(URI, text)

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        for entry in list(self.due):
            entry[0] -= seconds
            if entry[0] <= 0 and entry in self.due:
                self.due.remove(entry)
                entry[1]()

    def _schedule(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        entry: list[Any] = [delay_s, call]
        self.due.append(entry)
        return lambda: self.due.remove(entry) if entry in self.due else None


@pytest.fixture
def window() -> Window:
    return Window("x = 1\ny = ")


def test_a_row_has_numbers_and_labels(window: Window) -> None:
    window.show("foo(\n    1)")
    window.accept("foo(\n    1)")
    [row] = window.rows
    assert (row.language, row.model, row.face, row.trigger, row.source) == (
        "python", "org/model", "inline", "automatic", "engine",
    )  # fmt: skip
    assert (row.characters, row.lines, row.taken_characters, row.latency_ms) == (11, 2, 11, 12.5)
    assert row.mean_logprob == pytest.approx(-0.6931, abs=1e-4)
    assert row.outcome is ACCEPTED


@pytest.mark.parametrize("is_first", [False, True])
def test_the_report_comes_before_the_edit_or_after_it(window: Window, *, is_first: bool) -> None:
    window.show("foo(bar)")
    window.type("fo")
    window.accept("foo(bar)", "o(bar)", is_first=is_first)  # the client still shows the older item
    window.wait(30)
    assert [(row.outcome, row.taken_characters, row.kept_30s) for row in window.rows] == [(ACCEPTED, 6, 1.0)]


def test_the_show_model_learns_nothing_from_a_suggestion_that_has_grown(window: Window) -> None:
    """What it thought was of the first line alone."""
    window.show("foo(bar)", estimate=0.8)
    window.type("f")
    window.show("oo(bar)\nz = 2")
    window.type("oo(bar)\nz = 3")
    assert [(row.outcome, row.lines, row.estimate) for row in window.rows] == [(TYPED_OVER, 2, None)]


def test_the_show_model_learns_from_a_suggestion_that_has_not_grown(window: Window) -> None:
    window.show("foo(bar)", estimate=0.8)
    window.type("f")
    window.show("oo(bar)")
    window.type("oo(bar)")
    assert [(row.outcome, row.lines, row.estimate) for row in window.rows] == [(TYPED, 1, 0.8)]


def test_a_suggestion_that_is_typed_into_is_one(window: Window) -> None:
    window.show("foo")
    window.show("foo", face="popup")
    for key, rest in (("f", "oo"), ("o", "o"), ("o", "")):
        window.type(key)
        window.show(*([rest] if rest else []))
    assert window.outcomes == [TYPED]
    assert window.rows[0].characters == 3


@pytest.mark.parametrize(
    ("keys", "expected"), [("foo(", TYPED), ("fa", TYPED_OVER), ("g", TYPED_OVER), ("f", IGNORED), ("", IGNORED)]
)
def test_outcomes_of_typing(window: Window, keys: str, expected: SuggestionOutcome) -> None:
    window.show("foo(")
    for key in keys:
        window.type(key)
    window.observer.closed(URI)
    assert window.outcomes == [expected]


def test_a_suggestion_elsewhere_ends_the_one_before(window: Window) -> None:
    window.show("foo")
    window.show("bar", offset=5)
    window.observer.close()
    assert window.outcomes == [IGNORED, IGNORED]


def test_words_that_are_accepted_one_by_one(window: Window) -> None:
    window.show("foo bar baz")
    for part, taken in (("foo ", 4), ("bar ", 8)):
        window.type(part)
        window.observer.accepted(URI, "foo bar baz", taken)
    assert [(row.outcome, row.taken_characters) for row in window.rows] == [(PARTLY, 8)]
    window.type("z")
    window.wait(30)
    assert [(row.outcome, row.taken_characters, row.kept_30s) for row in window.rows] == [(PARTLY, 8, 1.0)]


def test_all_words_are_the_whole(window: Window) -> None:
    window.show("foo bar")
    for part, taken in (("foo ", 4), ("bar", 7)):
        window.type(part)
        window.observer.accepted(URI, "foo bar", taken)
    window.observer.accepted(URI, "foo bar")  # the item's command says it again
    assert [(row.outcome, row.taken_characters) for row in window.rows] == [(ACCEPTED, 7)]


def test_an_accepted_suggestion_that_is_undone(window: Window) -> None:
    window.show("foo(bar)")
    window.accept("foo(bar)")
    window.replace(window.offset - 8, window.offset, "")
    window.wait(30)
    assert [(row.outcome, row.kept_30s) for row in window.rows] == [(UNDONE, 0.0)]
    window.wait(270)
    assert [(row.outcome, row.kept_300s) for row in window.rows] == [(UNDONE, 0.0)]


@pytest.mark.parametrize(
    ("start", "end", "text", "least", "most"),
    [
        (0, 0, "import os\n", 1.0, 1.0),  # above it
        (18, 18, " + 1", 1.0, 1.0),  # typed on after it
        (10, 10, "-", 1.0, 1.0),
        (14, 17, "baz", 0.4, 0.8),  # a name was changed
        (14, 17, "", 0.4, 0.8),
        (10, 18, "", 0.0, 0.0),
        (6, 18, "", 0.0, 0.0),  # with its line
        (0, 18, "x = 1\ny = foo( bar )", 1.0, 1.0),  # a formatter
        (0, 18, "z", 0.0, 0.0),
    ],
)
def test_what_is_kept(window: Window, start: int, end: int, text: str, least: float, most: float) -> None:
    window.show("foo(bar)")
    window.accept("foo(bar)")
    window.wait(30)
    window.replace(start, end, text)
    window.wait(270)
    [row] = window.rows
    assert row.kept_30s == 1.0
    assert row.kept_300s is not None
    assert least <= row.kept_300s <= most
    assert row.outcome is ACCEPTED
    assert not window.due


def test_what_happens_in_a_closed_document_is_not_known(window: Window) -> None:
    window.show("foo")
    window.accept("foo")
    window.wait(30)
    window.observer.closed(URI)
    window.wait(300)
    assert [(row.kept_30s, row.kept_300s) for row in window.rows] == [(1.0, None)]


def test_acceptance_of_what_never_comes_is_not_followed(window: Window) -> None:
    window.show("foo")
    window.observer.accepted(URI, "foo")
    window.replace(0, 0, "z")
    window.wait(300)
    assert [row.kept_30s for row in window.rows] == [None]


def test_foreign_acceptance_is_ignored(window: Window) -> None:
    window.observer.accepted(URI, "foo")
    window.show("foo")
    window.observer.accepted(URI, "bar")
    window.observer.accepted("file:///other.py", "foo")
    assert window.rows == []


def test_a_client_that_reports_what_it_shows_decides(window: Window) -> None:
    window.show("foo")
    window.observer.reported(URI, "foo")
    window.type("g")
    window.show("bar")  # it has moved on, and never drew this one
    window.type("z")
    assert window.outcomes == [TYPED_OVER]


def test_nothing_is_recorded_once_it_is_switched_off(window: Window) -> None:
    window.show("foo")
    window.accept("foo")
    window.is_on = False
    window.wait(30)
    assert [row.kept_30s for row in window.rows] == [None]
    window.show("bar")
    window.accept("bar")
    assert window.rows == []
    assert not window.due


def test_a_whole_document_that_is_sent_again(window: Window) -> None:
    window.show("foo")
    document = VersionedTextDocumentIdentifier(2, URI)
    for text in ("x = 1\ny = f", "x = 1\ny = foo"):
        window.documents.change(document, [TextDocumentContentChangeWholeDocument(text)])
    assert window.outcomes == [TYPED]


def test_rows_hold_no_text_no_path_and_no_name(window: Window) -> None:
    window.show("SECRETWORD(1)")
    window.accept("SECRETWORD(1)")
    window.wait(300)
    [row] = window.rows
    assert all("SECRET" not in str(value) and "a b" not in str(value) for value in row.values())


def test_many_accepted_texts_are_followed_up_to_a_number(window: Window) -> None:
    for number in range(100):
        window.show(f"n{number} ")
        window.accept(f"n{number} ")
    assert len(window.due) == 2 * 64
    window.wait(30)
    assert [row.kept_30s for row in window.rows] == [None] * 36 + [1.0] * 64
