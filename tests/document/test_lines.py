from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.document.lines import line_at, line_ending_of, offset_at, split_lines, to_lf

DOCUMENTS = st.text(alphabet=st.sampled_from("ab \t\r\n\u2028\f😀é"), max_size=40)


def test_only_the_line_ends_of_lsp_end_a_line() -> None:
    assert split_lines("a\nb\r\nc\rd\u2028e\fg\n") == ["a\n", "b\r\n", "c\r", "d\u2028e\fg\n", ""]


def test_a_position_counts_characters() -> None:
    assert offset_at("ab\r\ncd", 1, 1) == 5
    assert offset_at("😀é\n", 0, 2) == 2


@pytest.mark.parametrize(
    ("line", "column", "message"), [(0, 3, "that line has 2 characters"), (7, 0, "the text has 2 lines")]
)
def test_a_position_that_does_not_exist_is_reported(line: int, column: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        offset_at("ab\r\ncd", line, column)


@given(DOCUMENTS)
def test_joined_lines_are_the_text(text: str) -> None:
    assert "".join(split_lines(text)) == text


def position_at(text: str, offset: int) -> tuple[int, int]:
    before = split_lines(text[:offset])
    return len(before) - 1, len(before[-1])


@given(DOCUMENTS, st.integers(0, 40))
def test_every_offset_outside_a_line_end_survives_the_round_trip_through_a_position(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    if text[offset - 1 : offset + 1] == "\r\n":
        return
    assert offset_at(text, *position_at(text, offset)) == offset


@given(DOCUMENTS)
def test_lf_text_has_no_carriage_return(text: str) -> None:
    assert "\r" not in to_lf(text)
    assert len(split_lines(to_lf(text))) == len(split_lines(text))


def test_the_first_line_end_is_that_of_the_document() -> None:
    assert line_ending_of("a\r\nb\n") == "\r\n"
    assert line_ending_of("a\rb") == "\r"
    assert line_ending_of("a") == "\n"


@given(st.text(alphabet="ab\r\n\u2028"), st.integers(0, 20))
def test_the_line_of_an_offset_is_the_one_that_has_it(text: str, offset: int) -> None:
    starts = [0, *accumulate(map(len, split_lines(text)))][:-1]
    offset = min(offset, len(text))
    assert line_at(text, offset) == sum(start <= offset for start in starts) - 1
