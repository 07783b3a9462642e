"""How far the user has got in a suggestion: typed, pasted, deleted, left."""

from __future__ import annotations

import pytest
from lsprotocol.types import Range, TextDocumentContentChangePartial

from infill_server.lsp.documents import Document
from infill_server.lsp.positions import Units
from infill_server.lsp.text import DocumentText
from infill_server.records.shown import Progress, ShownSuggestion

OPEN, COMPLETE, LEFT = Progress.OPEN, Progress.COMPLETE, Progress.LEFT


class Typed:
    """A document with ghost text at the mark ``|``."""

    def __init__(self, marked: str, *texts: str) -> None:
        self.offset = marked.index("|")
        self.document = Document("file:///a", "text", 1, DocumentText(marked.replace("|", ""), Units.UTF32))
        self.shown = ShownSuggestion(self.place(self.offset), texts)

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset."""
        position = self.document.text.position(offset)
        return position.line, position.character

    def replace(self, start: int, end: int, text: str) -> Progress:
        """Replace a range."""
        range_ = Range(self.document.text.position(start), self.document.text.position(end))
        [done] = self.document.change([TextDocumentContentChangePartial(range_, text)], 2)
        return self.shown.edit(done)

    def type(self, text: str) -> Progress:
        """Insert text at the cursor."""
        progress = self.replace(self.offset, self.offset, text)
        self.offset += len(text)
        return progress


@pytest.mark.parametrize(
    ("marked", "suggestion", "keys", "expected", "rest"),
    [
        ("x = |", "foo(bar)", ["f", "o"], OPEN, "o(bar)"),
        ("x = |", "foo", ["f", "o", "o"], COMPLETE, ""),
        ("x = |", "foo", ["foo"], COMPLETE, ""),
        ("x = |", "foo(bar)", ["f", "a"], LEFT, "oo(bar)"),
        ("x = |", "foo(bar)", ["g"], LEFT, "foo(bar)"),
        ("x = |", "(bar)", ["()"], OPEN, "bar)"),  # the editor closed the bracket
        ("x = |", '"a"', ['""'], OPEN, 'a"'),
        ("if x:|", "\n    y = 1\n    z = 2", ["\n    ", "y"], OPEN, " = 1\n    z = 2"),
        ("if x:|", "\n\ty", ["\n\t"], OPEN, "y"),
        ("if x:\r\n|", "    y\r\n    z", ["    y\r\n", "    z"], COMPLETE, ""),
        ("if x:\r\n|", "    y\r\n    z", ["    y\n"], OPEN, "    z"),  # as Neovim sends it
        ("s = |", "'🎉é'", ["'", "🎉"], OPEN, "é'"),
        ("x = |)", "foo(", ["fo"], OPEN, "o("),
        ("x = |", "foo", ["fooo"], LEFT, "foo"),
    ],
)
def test_typing(marked: str, suggestion: str, keys: list[str], expected: Progress, rest: str) -> None:
    typed = Typed(marked, suggestion)
    assert [typed.type(key) for key in keys][-1] is expected
    assert typed.shown.rest == rest


@pytest.mark.parametrize("from_", [0, 4, 6])
def test_editors_replace_the_line_from_its_start_or_a_word(from_: int) -> None:
    typed = Typed("  x = |)", "foo(1)")
    assert typed.replace(from_, typed.offset + 1, "  x = "[from_:] + "foo(1)") is COMPLETE


def test_going_back_leaves_it_open_and_the_answer_for_there_continues_it() -> None:
    typed = Typed("x = fo|", "o(bar)")
    assert typed.replace(4, 6, "") is OPEN
    assert typed.shown.continued((0, 4), ("foo(bar)",))
    assert typed.shown.rest == "foo(bar)"
    typed.offset = 4
    assert typed.type("foo(bar)") is COMPLETE


def test_a_deleted_letter_is_typed_again() -> None:
    typed = Typed("x = |", "foo")
    assert [typed.type("fo"), typed.replace(5, 6, "")] == [OPEN, OPEN]
    assert typed.shown.rest == "oo"


@pytest.mark.parametrize(
    ("start", "end", "text"), [(0, 0, "import a\n"), (0, 0, "y"), (0, 1, ""), (0, 1, "yy\nx"), (5, 6, ""), (6, 7, "z")]
)
def test_edits_elsewhere_do_not_end_it(start: int, end: int, text: str) -> None:
    typed = Typed("x = |\n\nlast", "foo")
    before = typed.document.text.last
    assert typed.replace(start, end, text) is OPEN
    moved = len(text) - (end - start) if end <= 4 else 0
    typed.offset += moved
    assert typed.type("foo") is COMPLETE
    assert typed.document.text.last[0] >= before[0] - 1


def test_an_edit_across_the_cursor_ends_it() -> None:
    typed = Typed("x = |y\n", "foo")
    assert typed.replace(2, 5, "+") is LEFT


def test_typing_chooses_among_alternatives() -> None:
    typed = Typed("x = |", "foo()", "bar()", "bar.baz")
    assert [typed.type("b"), typed.type("ar.")] == [OPEN, OPEN]
    assert typed.shown.rest == "baz"
    assert typed.shown.is_of("bar.baz")
    assert not typed.shown.is_of("foo()")


@pytest.mark.parametrize(
    ("cursor", "text", "continues"),
    [
        ((0, 5), "oo(bar)", True),
        ((0, 5), "oo(bar)\n    more", True),  # it has grown
        ((0, 5), "oo", True),
        ((0, 5), "x", False),
        ((0, 4), "oo(bar)", False),
        ((0, 4), "foo(bar)", False),  # the document says otherwise: the letter is there
        ((1, 5), "oo(bar)", False),
    ],
)
def test_a_later_answer_continues_it_where_it_is_the_same(
    cursor: tuple[int, int], text: str, *, continues: bool
) -> None:
    typed = Typed("x = |", "foo(bar)")
    typed.type("f")
    assert typed.shown.continued(cursor, (text,)) is continues


def test_an_answer_that_has_grown_is_complete_only_at_its_new_end() -> None:
    typed = Typed("x = |", "foo")
    assert typed.shown.continued((0, 4), ("foo\nbar",))
    assert [typed.type("foo"), typed.type("\nbar")] == [OPEN, COMPLETE]
