"""The text of a document agrees with a naive implementation, whatever an editor sends."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position, Range

from infill_server.lsp.positions import Units
from infill_server.lsp.text import DocumentText, Edit

ALPHABET = "ab \t\n\r🎉é\u2028\x0b\x0c\x85漢"
texts = st.text(ALPHABET, max_size=40)
units = st.sampled_from(list(Units))


def width(character: str, units: Units) -> int:
    """Count the units of a character by LSP's definition, one character at a time."""
    if units is Units.UTF8:
        return len(character.encode())
    return len(character.encode("utf-16-le")) // 2 if units is Units.UTF16 else 1


def naive_offset(text: str, position: Position, units: Units) -> int:
    """Find an offset as the LSP specification describes it."""
    breaks = [match.end() for match in re.finditer("\r\n|\n|\r", text)]
    if position.line > len(breaks):
        return len(text)
    offset = 0 if position.line == 0 else breaks[position.line - 1]
    left = position.character
    while offset < len(text) and text[offset] not in "\r\n" and left >= width(text[offset], units):
        left -= width(text[offset], units)
        offset += 1
    return offset


positions = st.builds(Position, st.integers(0, 12), st.integers(0, 30))


@given(texts, st.lists(st.tuples(positions, positions, texts), max_size=8), units)
def test_any_edits_give_the_same_text_as_a_naive_store(
    text: str, edits: list[tuple[Position, Position, str]], units: Units
) -> None:
    document = DocumentText(text, units)
    for start, end, new in edits:
        first, last = sorted((naive_offset(text, start, units), naive_offset(text, end, units)))
        text = text[:first] + new + text[last:]
        document.replace(Range(start, end), new)
        assert str(document) == text
        assert document.line_count == len(re.findall("\r\n|\n|\r", text)) + 1


@given(texts, positions, units)
def test_any_position_has_the_offset_that_lsp_defines(text: str, position: Position, units: Units) -> None:
    assert DocumentText(text, units).offset(position) == naive_offset(text, position, units)


@given(texts, st.integers(0, 40), units)
def test_positions_and_offsets_are_inverse(text: str, offset: int, units: Units) -> None:
    document = DocumentText(text, units)
    offset = min(offset, len(text))
    if text[offset - 1 : offset + 1] != "\r\n":  # no position lies inside a line end
        assert document.offset(document.position(offset)) == offset


@pytest.mark.parametrize(("units", "column"), [(Units.UTF8, 6), (Units.UTF16, 4), (Units.UTF32, 3)])
def test_an_emoji_before_the_cursor_is_counted_in_the_units_of_the_client(units: Units, column: int) -> None:
    document = DocumentText("a🎉b|c", units)
    assert document.offset(Position(0, column)) == 3
    assert document.position(3) == Position(0, column)


def test_a_column_inside_an_emoji_means_its_start() -> None:
    assert DocumentText("🎉x", Units.UTF16).offset(Position(0, 1)) == 0
    assert DocumentText("🎉x", Units.UTF8).offset(Position(0, 3)) == 0


def test_a_line_separator_does_not_end_a_line() -> None:
    document = DocumentText("a = '\u2028\x0c\x85'\nb", Units.UTF16)
    assert document.line_count == 2
    assert document.offset(Position(1, 0)) == 10


def test_a_lone_surrogate_reads_as_a_replacement_character() -> None:
    assert str(DocumentText("x\ud83dy", Units.UTF16)) == "x\ufffdy"


def test_adjacent_halves_of_a_surrogate_pair_become_the_character() -> None:
    document = DocumentText("x\ud83dy", Units.UTF16)
    document.replace(Range(Position(0, 2), Position(0, 2)), "\ude00")
    assert str(document) == "x😀y"


def test_a_newline_after_a_lone_carriage_return_joins_it() -> None:
    document = DocumentText("a\rb\nc", Units.UTF16)
    document.replace(Range(Position(1, 0), Position(1, 1)), "")
    assert document.line_count == 2
    assert document.position(3) == Position(1, 0)


def test_an_edit_is_the_range_of_the_typed_text() -> None:
    document = DocumentText("if x:\n    pa", Units.UTF16)
    assert document.replace(Range(Position(1, 6), Position(1, 6)), "s") == Edit((1, 6), (1, 7))
    assert document.replace(Range(Position(1, 7), Position(1, 7)), "s\nel") == Edit((1, 7), (2, 2))
    assert document.between((1, 5), (2, 1)) == "ass\ne"


@pytest.mark.parametrize(
    ("before", "after", "edit"),
    [
        ("a\nb\nc", "a\nbx\nc", Edit((1, 1), (1, 2))),
        ("a\nb\nc", "a\nb()\nc", Edit((1, 1), (1, 3))),
        ("a\nb\nc", "a\nb\n    \nc", Edit((2, 0), (3, 0))),
        ("a\nb\nc", "a\nc", Edit((1, 0), (1, 0))),
        ("a\nb", "a\n", Edit((1, 0), (1, 0))),
        ("a\nb", "", Edit((0, 0), (0, 0))),
        ("", "x", Edit((0, 0), (0, 1))),
        ("a\nbc", "a\nc", Edit((1, 0), (1, 0))),
        ("same\n", "same\n", None),
    ],
)
def test_a_replaced_text_differs_where_the_user_typed(before: str, after: str, edit: Edit | None) -> None:
    document = DocumentText(before, Units.UTF16)
    assert document.replace_all(after) == edit
    assert str(document) == after


@given(texts, texts)
def test_outside_the_difference_two_texts_are_equal(before: str, after: str) -> None:
    document = DocumentText(before, Units.UTF32)
    edit = document.replace_all(after)
    assert str(document) == after
    if edit is None:
        assert before == after
    else:
        end = (document.line_count - 1, 10_000)
        assert before.startswith(document.between((0, 0), edit.start))
        assert before.endswith(document.between(edit.end, end))


@given(texts, units, st.lists(st.tuples(positions, positions, texts, positions, st.integers(-1, 80)), max_size=6))
def test_positions_between_edits_are_those_of_a_new_document(
    text: str, units: Units, edits: list[tuple[Position, Position, str, Position, int]]
) -> None:
    document = DocumentText(text, units)
    for start, end, new, asked, offset in edits:
        document.replace(Range(start, end), new)
        fresh = DocumentText(str(document), units)
        assert document.offset(asked) == fresh.offset(asked) == naive_offset(str(document), asked, units)
        assert document.position(offset) == fresh.position(offset)


def test_the_line_of_an_offset_is_found_in_a_long_document() -> None:
    document = DocumentText("ab\n" * 5_000, Units.UTF16)
    for line in (0, 4_999, 1_000, 2_500, 5_000, 3_000):
        assert document.position(3 * line) == Position(line, 0)
        document.replace(Range(Position(line, 0), Position(line, 0)), "x")
        assert document.position(3 * line + 1) == Position(line, 1)
        document.replace(Range(Position(line, 0), Position(line, 1)), "")


@pytest.mark.parametrize("seed", range(40))
def test_a_whole_text_made_of_the_last_one_is_that_of_the_lines(seed: int) -> None:
    draw, has_surrogates = random.Random(seed), seed % 4 == 0
    letters = ALPHABET + "\n" + "\ud83d" * has_surrogates
    document = DocumentText("".join(draw.choices(letters, k=30)), Units.UTF16)
    given = str(document)
    spliced = 0
    for _ in range(60):
        for _ in range(draw.choice([1, 1, 1, 2, 6])):
            first, last = (Position(draw.randrange(document.line_count + 1), draw.randrange(6)) for _ in "12")
            document.replace(Range(first, last), "".join(draw.choices(letters, k=draw.randrange(3))))
        if draw.random() < 0.1:
            document.replace_all("".join(draw.choices(letters, k=30)))
        text, edit = str(document), document.edit
        assert text == str(DocumentText("".join(document._lines), Units.UTF16))
        if edit is not None:
            assert edit.former is given
            assert edit.former[: edit.start] + text[edit.start : edit.end] + edit.former[edit.former_end :] == text
            spliced += 1
        given = text
    assert spliced > 20 or has_surrogates


def test_typing_joins_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole text of a large document is made of the last one."""
    document = DocumentText("ab\n" * 5_000, Units.UTF16)
    str(document)
    lines = document._lines
    document.replace(Range(Position(2_000, 1), Position(2_000, 1)), "x")
    monkeypatch.setattr(document, "_lines", [])
    assert str(document) == "ab\n" * 2_000 + "axb\n" + "ab\n" * 2_999
    assert len(lines) == 5_001
