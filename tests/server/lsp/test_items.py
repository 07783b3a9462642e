"""Suggestions become items whose range and text still apply after a keystroke."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from lsprotocol import types

from infill_completion.document.snapshot import Answer, Snapshot, Suggestion
from infill_server.lsp.items import inline_items, popup_items
from infill_server.lsp.positions import Units
from infill_server.lsp.text import DocumentText


def at(marked: str, selected: tuple[int, int, str] | None = None) -> Snapshot:
    """Return a snapshot with the cursor at ``|``."""
    offset = marked.index("|")
    return Snapshot("file:///a.py", 3, "python", marked.replace("|", "", 1), offset, selected=selected)


def insert(snapshot: Snapshot, *texts: str, replaced: int = 0, confidence: float | None = None) -> Answer:
    """Return the answer that inserts each of ``texts`` at the cursor."""
    end = snapshot.offset + replaced
    return Answer(tuple(Suggestion(text, snapshot.offset, end, confidence) for text in texts))


def ghosts(snapshot: Snapshot, answer: Answer) -> Sequence[types.InlineCompletionItem]:
    return inline_items(answer, snapshot, DocumentText(snapshot.text, Units.UTF16)).items


def popup(snapshot: Snapshot, answer: Answer, **options: bool | str) -> Sequence[types.CompletionItem]:
    return popup_items(answer, snapshot, DocumentText(snapshot.text, Units.UTF16), **options).items  # type: ignore[arg-type]


def span(item: types.InlineCompletionItem) -> tuple[int, int, int]:
    assert item.range is not None
    assert item.range.start.line == item.range.end.line
    return item.range.start.line, item.range.start.character, item.range.end.character


def test_ghost_text_begins_at_the_start_of_its_line() -> None:
    snapshot = at("if x:\n    ret|\n")
    [item] = ghosts(snapshot, insert(snapshot, "urn x"))
    assert span(item) == (1, 0, 7)
    assert item.insert_text == item.filter_text == "    return x"


@pytest.mark.parametrize("typed", ["    re", "    ", "", "    return"])
def test_ghost_text_still_fits_after_typing_and_deleting(typed: str) -> None:
    snapshot = at("if x:\n    ret|\n")
    [item] = ghosts(snapshot, insert(snapshot, "urn x"))
    assert str(item.insert_text).startswith(typed)


def test_ghost_text_may_replace_text_after_the_cursor() -> None:
    snapshot = at("print(|)\n")
    [item] = ghosts(snapshot, insert(snapshot, "x)", replaced=1))
    assert (span(item), item.insert_text) == ((0, 0, 7), "print(x)")


def test_far_into_a_long_line_the_range_begins_at_the_word() -> None:
    snapshot = at("x" * 1000 + " = ab|")
    [item] = ghosts(snapshot, insert(snapshot, "c"))
    assert (span(item), item.insert_text) == ((0, 1003, 1005), "abc")


def test_columns_are_counted_in_the_units_of_the_client() -> None:
    snapshot = at("s = '🎉|'")
    assert span(ghosts(snapshot, insert(snapshot, "x"))[0]) == (0, 0, 7)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_range_never_leaves_its_line(ending: str) -> None:
    snapshot = at(f"a{ending}b = |{ending}c")
    [item] = ghosts(snapshot, insert(snapshot, f"1{ending}d = 2"))
    assert span(item) == (1, 0, 4)
    across = Answer((Suggestion("x", snapshot.offset, len(snapshot.text)),))
    assert not ghosts(snapshot, across)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_a_client_that_splits_at_line_feeds_gets_line_feeds(ending: str) -> None:
    snapshot = at(f"a{ending}b = |{ending}c")
    answer = insert(snapshot, f"1{ending}d = 2")
    [item] = inline_items(answer, snapshot, DocumentText(snapshot.text, Units.UTF16), only_line_feeds=True).items
    assert (item.insert_text, item.filter_text) == ("b = 1\nd = 2", "b = 1\nd = 2")
    assert span(item) == (1, 0, 4)


def test_such_a_client_keeps_carriage_returns_that_are_text_of_some_lines() -> None:
    snapshot = at("a\r\nb = |\nc")
    answer = insert(snapshot, "1\r\nd = 2")
    [item] = inline_items(answer, snapshot, DocumentText(snapshot.text, Units.UTF16), only_line_feeds=True).items
    assert item.insert_text == "b = 1\r\nd = 2"


def test_a_suggestion_that_changes_nothing_yields_no_item() -> None:
    snapshot = at("print(|)")
    assert not ghosts(snapshot, insert(snapshot, ")", replaced=1))
    assert not popup(snapshot, insert(snapshot, ""))


def test_with_a_selected_entry_the_range_is_its_range_and_the_text_extends_it() -> None:
    snapshot = at("pri|", selected=(0, 3, "print"))
    extends, same, other = Suggestion("print(x)", 0, 3), Suggestion("print", 0, 3), Suggestion("private", 0, 3)
    [item] = ghosts(snapshot, Answer((other, same, extends)))
    assert (span(item), item.insert_text) == ((0, 0, 3), "print(x)")
    assert not ghosts(snapshot, Answer((Suggestion("nt(x)", 3, 3),)))


def test_a_popup_entry_begins_at_the_word() -> None:
    snapshot = at("    return tot|\n")
    [item] = popup(snapshot, insert(snapshot, "al + 1\n    # end", confidence=0.5), model="m")
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.range == types.Range(types.Position(0, 11), types.Position(0, 14))
    assert item.text_edit.new_text == "total + 1\n    # end"
    assert item.insert_text == item.text_edit.new_text
    assert item.filter_text == "total + 1"
    assert item.label == "total + 1 …"
    assert item.detail == "m · 50%"
    assert item.insert_text_format is types.InsertTextFormat.PlainText
    assert item.insert_text_mode is types.InsertTextMode.AsIs
    assert item.command == types.Command(
        "Report acceptance", "infill.accepted", arguments=["file:///a.py", "al + 1\n    # end"]
    )


def test_entries_sort_after_those_of_other_servers_and_keep_their_order() -> None:
    snapshot = at("x = |")
    first, second = popup(snapshot, insert(snapshot, "b", "a"))
    assert "zzz_other" < str(first.sort_text) < str(second.sort_text)


def test_an_entry_that_begins_with_a_line_end_is_labelled_with_its_first_text() -> None:
    snapshot = at("if x:|")
    [item] = popup(snapshot, insert(snapshot, "\n    pass"))
    assert (item.label, item.filter_text) == ("pass", "pass")


def test_a_long_first_line_is_shortened_only_in_the_label() -> None:
    snapshot = at("|")
    [item] = popup(snapshot, insert(snapshot, "a" * 200))
    assert len(item.label) == 80
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "a" * 200


def test_the_documentation_shows_the_whole_text_whatever_it_contains() -> None:
    snapshot = at("|")
    text = "```\nfence\n````\n"
    [rich] = popup(snapshot, insert(snapshot, text))
    [plain] = popup(snapshot, insert(snapshot, text), markdown=False)
    assert isinstance(rich.documentation, types.MarkupContent)
    assert rich.documentation.value == f"`````python\n{text}\n`````"
    assert plain.documentation == types.MarkupContent(types.MarkupKind.PlainText, text)
