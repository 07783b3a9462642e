"""What a left-to-right answer has to do with the text after the cursor."""

from __future__ import annotations

import pytest

from infill_completion.engine.decoding.candidate import StopText
from infill_completion.engine.decoding.suffix import has_text, line_end, parts, suffix_stops


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (None, ()),
        ("", ()),
        ("\n\n", ()),
        ("\n\ndef g():\n    pass\n", ("\ndef g():\n",)),
        ("\n    return x\n}\n", ("\n    return x\n",)),
        (", timeout=5)  \n    return x\n", (", timeout=5)\n", "\n    return x\n")),
        ("\n \n    return x\t \n", ("\n    return x\n",)),
        # Signs alone may be part of an answer, and a last line without its end may go on outside of the window.
        (")\n}\n", ()),
        ("\n    });\n    next();\n", ()),
        ("\ndef unfini", ()),
        ("\n\N{GREEK SMALL LETTER ALPHA}\N{GREEK SMALL LETTER BETA} = 1\n", ("\nαβ = 1\n",)),
    ],
)
def test_an_answer_ends_where_the_suffix_begins(suffix: str | None, expected: tuple[str, ...]) -> None:
    assert suffix_stops(suffix) == expected


@pytest.mark.parametrize(
    ("suffix", "answer", "expected"),
    [
        ("\n\ndef g():\n    pass\n", "return x\n\n\ndef g():\n    return", "return x\n\n"),
        ("\n\ndef g():\n    pass\n", "return x\n\n\ndef g2():\n    return", "return x\n\n\ndef g2():\n    return"),
        ("\n    return x\n", "    if y:\n        return x\n    return x\n", "    if y:\n        return x"),
        (", timeout=5)\n", "url, timeout=5)\nprint(", "url"),
    ],
)
def test_the_stop_strings_cut_only_whole_lines(suffix: str, answer: str, expected: str) -> None:
    stop = StopText(suffix_stops(suffix))
    assert stop.push(answer) + stop.push("", last=True) == expected


@pytest.mark.parametrize(
    ("text", "is_blank", "end"),
    [
        ("", False, None),
        ("x", False, None),
        ("x\n", False, 1),
        ("\nx", False, 0),
        ("\n", True, None),
        ("\n    x", True, None),
        ("\n    x\ny", True, 6),
        ("\r\nx\n", True, 3),
    ],
)
def test_the_first_line_of_an_answer(text: str, is_blank: bool, end: int | None) -> None:
    assert line_end(text, is_blank=is_blank) == end


@pytest.mark.parametrize(
    ("line", "suffix", "expected"),
    [
        ("value)", ")\nnext\n", "value"),
        ("f(value))", ")\nnext\n", "f(value)"),
        ("value", ")\nnext\n", "value"),
        ("value ", "\nnext\n", "value "),
        (")", ")", ""),
    ],
)
def test_the_rest_of_the_line_is_not_counted_twice(line: str, suffix: str, expected: str) -> None:
    assert parts(line, suffix, is_plain=True) == (expected, suffix)
    assert parts(line, suffix, is_plain=False) == (line, suffix)


def test_blanks_say_nothing() -> None:
    assert not has_text(None)
    assert not has_text(" \n\t\n" * 500 + "x")
    assert has_text("\n}")
