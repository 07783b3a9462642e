"""When a line is taken for a loop, so that the engine is stopped, and when it is good code that repeats itself."""

from __future__ import annotations

import pytest

from infill_completion.suggest.filters.loops import ends_in_loop


@pytest.mark.parametrize(
    "text",
    [
        "[" + "'', " * 10,
        "ab" * 10,
        "0 " + ".3em 0 " * 10,
        "uant: var(--padding); " + "disquant: var(--padding); " * 4,
        "ined; " + "fill: inlined; " * 5,
        "const std::string&, " * 4,
        "figure=options.folder" + ", folder=folder" * 4,
        "=-" * 40,
    ],
)
def test_the_same_part_over_and_over_is_a_loop(text: str) -> None:
    assert ends_in_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "0x00000000, " * 8,  # no words
        "-" * 100,
        " " * 100,
        "const std::string&, " * 3,
        "int, " * 9,
        "gure=options" + ", fold=fold" * 4,
        "(0.0, 0.0), " * 6,
        "a.b(c), a.b(d), a.b(e), a.b(f), a.b(g), a.b(h), a.b(i)",
        "float x, float y, float z, float w, float u, float v",
        "margin: 0 auto; padding: 0 auto; margin: 0 auto; padding: 0 auto;",
    ],
)
def test_good_code_repeats_itself_too(text: str) -> None:
    assert not ends_in_loop(text)
