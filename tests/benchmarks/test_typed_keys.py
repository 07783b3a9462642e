"""Figures about typing are computed from what the screen showed."""

import pytest

from benchmarks.gguf.vocabulary import merges, pieces
from benchmarks.llama_vim.typed_keys import Screen, figures, is_right, keys_of, medians, rest_of, right_chars

LINES = ["def add(a, b):", "    return a + b"]


def key(at, letter, *screens):
    """Return the events of one key; a screen is (milliseconds after it, ghost text, column)."""
    return [("key", at, letter), *(("screen", at + ms, ghost, 0, col, True) for ms, ghost, col in screens)]


def test_a_screen_belongs_to_the_key_before_it():
    first, second = keys_of([*key(100, "d", (2, "", 1), (30, "ef", 1)), *key(200, "e", (1, "f", 2))])
    assert (first.letter, first.shown_ms, second.shown_ms) == ("d", 30, 1)
    assert first.last == Screen(30, "ef", 0, 1)


def test_what_comes_when_the_next_letter_would_be_typed_is_too_late():
    assert keys_of(key(0, "d", (2, "", 1), (130, "ef", 1)), cut_ms=125)[0].shown_ms is None


def test_ghost_text_that_is_typed_loses_its_first_letter():
    assert rest_of("ef add", "e") == "f add"
    assert rest_of("\n    return a", "\n") == "return a"
    assert rest_of("ef add", "x") is None


@pytest.mark.parametrize(
    ("ghost", "right"), [("return a", True), ("return", True), ("returns", False), ("raise", False), ("", False)]
)
def test_ghost_text_is_right_with_the_next_word(ghost, right):
    assert is_right(Screen(1, ghost, 1, 4), LINES) is right


def test_nothing_is_right_or_wrong_at_the_end_of_a_line():
    assert is_right(Screen(1, "x", 0, 14), LINES) is None


def test_right_characters_go_on_over_lines():
    assert right_chars(Screen(1, "b):\n    return b", 0, 11), LINES) == len("b):\n    return ")


def test_shares_are_of_all_keys():
    typed = [
        *key(0, "d", (1, "", 1), (40, "ef add", 1)),
        *key(100, "e", (1, "f add", 2)),
        *key(200, "f", (1, "", 3), (60, " sub", 3)),
        *key(300, " ", (1, "", 4)),
    ]
    seen = figures([(keys_of(typed), LINES)])
    assert (seen["visible"], seen["at_once"], seen["within_50_ms"]) == (0.75, 0.25, 0.5)
    assert seen["followed"] == pytest.approx(1 / 3)  # `e` was followed, `f` and the blank were not
    assert seen["turned"] == 0


def test_ghost_text_that_goes_by_itself_has_turned():
    assert figures([(keys_of(key(0, "d", (1, "ef", 1), (9, "o", 1))), LINES)])["turned"] == 1


def test_medians_leave_out_what_a_run_lacks():
    assert medians([{"a": 1.0, "b": None}, {"a": 3.0, "b": None}, {"a": 2.0, "b": None}]) == {"a": 2.0, "b": None}


def test_pieces_are_respelled_in_bytes_and_control_tokens_are_not():
    document = {
        "model": {"vocab": {"<s>": 0, "<0x0A>": 1, "<0x61>": 2, "a": 3, "▁": 4, "▁a": 5}, "merges": [["▁", "a"]]},
        "added_tokens": [{"id": 0, "content": "<s>"}],
    }
    spelled, plain, controls = pieces(document, 7)
    assert spelled == ["<s>", "Ċ", "<unused_2>", "a", "Ġ", "Ġa", "<unused_6>"]
    assert (plain, controls) == ({1, 3, 4, 5}, {0})
    assert merges(document) == ["Ġ a"]
