import pytest

from infill_completion.document.window import window_at
from infill_completion.suggest.extent import Shape, plan, whole_part


def shape(marked: str, language: str = "python", *, multiline: str = "auto", invoked: bool = False) -> Shape:
    before, _, behind = marked.rpartition("|")
    window = window_at(before + behind, len(before), 1000, 1000)
    return plan(window, language, multiline=multiline, is_invoked=invoked).shape


@pytest.mark.parametrize(
    ("language", "marked", "expected"),
    [
        ("python", "x = |\n", Shape.LINE),
        ("python", "def f():|\n", Shape.BODY),
        ("python", "def f():  # why|\n", Shape.BODY),
        ("python", "def f():|\n    pass\n", Shape.LINE),
        ("python", "def f():\n    |\n", Shape.BLOCK),
        ("python", "def f():\n    |\n    pass\n", Shape.LINE),
        ("python", "def f():\n    pass\n    |\n", Shape.LINE),
        ("python", "f(|)\n", Shape.MIDDLE),
        ("javascript", "if (a) {|\n}\n", Shape.BODY),
        ("javascript", "if (a) {\n  |\n}\n", Shape.BLOCK),
        ("javascript", "const f = () => {|\n", Shape.BODY),
        ("go", "switch x {\n\t|\n}\n", Shape.BLOCK),
        ("ruby", "items.each do |item||\n", Shape.BODY),
        ("ruby", "class A|\n", Shape.BODY),
        ("lua", "if a then|\n", Shape.BODY),
        ("shellscript", "while true; do|\n", Shape.BODY),
        ("yaml", "jobs:|\n", Shape.BODY),
        ("yaml", "name: |\n", Shape.LINE),
        ("makefile", "all: main.o|\n", Shape.BODY),
        ("markdown", "Things:|\n", Shape.LINE),
        ("html", "<ul>|\n", Shape.BODY),
        ("sql", "SELECT a|\n", Shape.LINE),
    ],
)
def test_a_block_is_offered_only_where_one_has_been_opened(language: str, marked: str, expected: Shape) -> None:
    assert shape(marked, language) is expected


def test_the_setting_and_the_user_decide_otherwise() -> None:
    assert shape("def f():|\n", multiline="never") is Shape.LINE
    assert shape("    x = 1\n    |\n", multiline="always") is Shape.BLOCK
    assert shape("    x = 1\n    |\n", invoked=True) is Shape.BLOCK
    assert shape("f(|)", multiline="always") is Shape.MIDDLE


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("return foo(a, b) + ba", "return foo(a, b)"),
        ("a(); b(); some", "a(); b();"),
        ("a_long_nam", ""),
        ("call(a, b", ""),
        ('call("a)b", c) + "unfin', 'call("a)b", c)'),
    ],
)
def test_a_line_that_was_cut_off_ends_at_a_good_boundary(text: str, whole: str) -> None:
    assert whole_part(text, may_span_lines=False) == whole


def test_a_block_that_was_cut_off_ends_with_a_whole_line() -> None:
    assert whole_part("\n    a()\n    b(some", may_span_lines=True) == "\n    a()"
