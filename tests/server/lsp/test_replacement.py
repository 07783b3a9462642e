"""Edits in lines and columns: what they begin with in common, and where they move other places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position, Range, TextDocumentContentChangePartial, TextDocumentContentChangeWholeDocument

from infill_server.lsp.documents import Document
from infill_server.lsp.positions import Units
from infill_server.lsp.replacement import Replacement, advanced, common_length
from infill_server.lsp.text import DocumentText


def edit(text: str, start: int, end: int, new: str, *, is_whole: bool = False) -> tuple[Document, Replacement]:
    """Replace a range of a document, given in offsets, in one notification."""
    document = Document("file:///a", "text", 1, DocumentText(text, Units.UTF32))
    if is_whole:
        [done] = document.change([TextDocumentContentChangeWholeDocument(text[:start] + new + text[end:])], 2)
        return document, done
    range_ = Range(document.text.position(start), document.text.position(end))
    [done] = document.change([TextDocumentContentChangePartial(range_, new)], 2)
    return document, done


TEXTS = st.text(alphabet="ab\n", max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.booleans())
def test_what_is_outside_an_edit_keeps_its_text(before: str, old: str, new: str, after: str, is_whole: bool) -> None:
    text = before + old + after
    document, done = edit(text, len(before), len(before + old), new, is_whole=is_whole)
    was = DocumentText(text, Units.UTF32)
    for offset in range(len(text) + 1):
        position = was.position(offset)
        place = (position.line, position.character)
        for with_text in (False, True):
            moved = done.trimmed().moved(place, with_text=with_text)
            assert (0, 0) <= moved <= document.text.last
            if place < done.start:
                assert moved == place
            elif place > done.former_end:
                assert document.text.between(moved, document.text.last) == was.between(place, was.last)


def test_an_insertion_moves_a_place_with_its_text_or_leaves_it() -> None:
    _, done = edit("ab", 1, 1, "x\ny")
    assert done.moved((0, 1), with_text=True) == (1, 1)
    assert done.moved((0, 1), with_text=False) == (0, 1)


def test_a_line_that_is_replaced_from_its_start_is_an_insertion() -> None:
    _, done = edit("a\n    foo)", 2, 9, "    foo(bar)")
    assert done.trimmed() == Replacement((1, 7), (1, 7), (1, 12), "", "(bar)")


@pytest.mark.parametrize(("text", "start"), [("x" * 12_000, (0, 0)), ("same", (0, 4))])
def test_a_whole_text_replaces_everything_if_it_is_long_and_nothing_if_it_is_the_same(
    text: str, start: tuple[int, int]
) -> None:
    document, done = edit("same", 0, 4, text, is_whole=True)
    assert (done.start, done.former_end, done.end) == (start, (0, 4), document.text.last)


def test_columns_count_code_points() -> None:
    document = Document("file:///a", "text", 1, DocumentText("🎉\n🎉b", Units.UTF16))
    change = TextDocumentContentChangePartial(Range(Position(1, 2), Position(1, 3)), "🎉c")
    [done] = document.change([change], 2)
    assert done == Replacement((1, 1), (1, 2), (1, 3), "b", "🎉c")


@given(TEXTS, TEXTS, TEXTS)
def test_texts_begin_alike_up_to_the_first_difference(same: str, one: str, other: str) -> None:
    found = common_length(same + one, same + other)
    assert (same + one)[:found] == (same + other)[:found]
    rest, other_rest = (same + one)[found:], (same + other)[found:]
    assert not rest or not other_rest or rest[0] != other_rest[0]


@given(TEXTS, TEXTS)
def test_a_text_ends_where_its_last_line_does(before: str, text: str) -> None:
    start = DocumentText(before, Units.UTF32).last
    assert advanced(start, text) == DocumentText(before + text, Units.UTF32).last
