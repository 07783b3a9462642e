from itertools import pairwise
from typing import SupportsIndex

from hypothesis import given
from hypothesis import strategies as st

from infill_completion.document.lines import split_lines
from infill_completion.document.window import Window, budgets, clean_offset, window_at
from tests.properties import tries

LINE = "value = compute(first, second)\n"


class Watched(str):
    """A document that counts the characters copied out of it."""

    copied = 0

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        piece = str.__getitem__(self, key)
        Watched.copied += len(piece)
        return piece


def type_on(text: str, offset: int, typed: str) -> list[Window]:
    """Return the window after each typed character."""
    return [
        window_at(text[:offset] + typed[:size] + text[offset:], offset + size, 2000, 800)
        for size in range(len(typed) + 1)
    ]


def test_the_window_is_cut_into_parts_of_the_document() -> None:
    window = window_at("a\nbc|d\ne\n".replace("|", ""), 4, 100, 100)
    assert (window.prefix, window.suffix) == ("a\nbc", "d\ne\n")
    assert (window.above, window.before, window.rest, window.below) == ("a\n", "bc", "d", "e\n")
    assert window.starts_document
    assert window.ends_document


def test_consecutive_prompts_share_everything_but_the_typed_text() -> None:
    windows = type_on(LINE * 500, 250 * len(LINE), LINE * 40)
    starts = {window.prefix[:200] for window in windows}
    assert len({window.suffix for window in windows}) == 1
    jumps = sum(1 for one, other in pairwise(windows) if not other.prefix.startswith(one.prefix))
    assert jumps <= len(LINE) * 40 / 500 + 1
    assert all(start.startswith("value") for start in starts)


def test_edges_are_line_edges_within_the_budget() -> None:
    for offset in range(5000, 6000, 37):
        window = window_at(LINE * 500, offset, 2000, 800)
        assert 1000 < len(window.prefix) <= 2000
        assert 400 < len(window.suffix) <= 800
        assert window.prefix.startswith("value")
        assert window.suffix.endswith("\n")


def test_a_huge_document_is_not_read_for_a_keystroke() -> None:
    huge = Watched(LINE * 170_000)
    Watched.copied = 0
    window = window_at(huge, len(huge) // 2, 9000, 3000)
    assert len(huge) > 5_000_000
    assert Watched.copied < 40_000
    assert window.prefix.startswith("value")


def test_a_line_without_end_is_cut_at_the_budget() -> None:
    line = Watched("x" * 200_000)
    Watched.copied = 0
    window = window_at(line, 100_000, 2000, 800)
    assert 1000 < len(window.prefix) <= 2000
    assert 400 < len(window.suffix) <= 800
    assert Watched.copied < 25_000


def test_crlf_becomes_lf_and_is_never_split() -> None:
    text = "ab\r\n" * 2000
    for offset in range(4000, 4020):
        window = window_at(text, clean_offset(text, offset), 200, 100)
        assert "\r" not in window.prefix + window.suffix
        assert window.prefix.startswith("ab\n")


def test_a_cursor_inside_a_line_end_moves_before_it() -> None:
    assert clean_offset("a\r\nb", 2) == 1
    assert clean_offset("a\r\nb", 3) == 3
    assert clean_offset("ab", 99) == 2


def test_the_budgets_add_up_to_the_prompt() -> None:
    prefix, suffix, context = budgets(4096, 128, 0.25)
    assert prefix > suffix > 0
    assert prefix + suffix + context <= (4096 - 128) * 3.5
    assert budgets(64, 128, 0.25)[0] > 0


@tries(200)
@given(st.text("ab\r\n\t", max_size=400), st.integers(0, 400), st.integers(1, 80), st.integers(1, 80))
def test_a_window_is_always_the_text_around_the_cursor(text: str, offset: int, before: int, behind: int) -> None:
    offset = clean_offset(text, min(offset, len(text)))
    window = window_at(text, offset, before, behind)
    normal = "".join(line.rstrip("\r\n") + "\n" * (line != line.rstrip("\r\n")) for line in split_lines(text))
    assert window.prefix + window.suffix in normal
    assert len(window.prefix) <= before
    assert len(window.suffix) <= behind
