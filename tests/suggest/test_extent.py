import pytest

from infill_completion.document.window import window_at
from infill_completion.suggest.ending import settled, whole_part
from infill_completion.suggest.extent import Extent, ExtentKind, extent_ahead, extent_at


def extent(marked: str, language: str = "python", *, multiline: str = "auto", invoked: bool = False) -> Extent:
    before, _, after = marked.rpartition("|")
    window = window_at(before + after, len(before), 1000, 1000)
    return extent_at(window, language, multiline=multiline, is_invoked=invoked)


def kind(marked: str, language: str = "python", *, multiline: str = "auto", invoked: bool = False) -> ExtentKind:
    return extent(marked, language, multiline=multiline, invoked=invoked).kind


@pytest.mark.parametrize(
    ("language", "marked", "expected"),
    [
        ("python", "x = |\n", ExtentKind.LINE),
        ("python", "def f():|\n", ExtentKind.BODY),
        ("python", "def f():  # why|\n", ExtentKind.BODY),
        ("python", "def f():|\n    pass\n", ExtentKind.LINE),
        ("python", "def f():\n    |\n", ExtentKind.BLOCK),
        ("python", "def f():\n    |\n    pass\n", ExtentKind.LINE),
        ("python", "def f():\n    pass\n    |\n", ExtentKind.LINE),
        ("python", "f(|)\n", ExtentKind.MIDDLE),
        ("javascript", "if (a) {|\n}\n", ExtentKind.BODY),
        ("javascript", "if (a) {\n  |\n}\n", ExtentKind.BLOCK),
        ("javascript", "const f = () => {|\n", ExtentKind.BODY),
        ("go", "switch x {\n\t|\n}\n", ExtentKind.BLOCK),
        ("ruby", "items.each do |item||\n", ExtentKind.BODY),
        ("ruby", "class A|\n", ExtentKind.BODY),
        ("lua", "if a then|\n", ExtentKind.BODY),
        ("shellscript", "while true; do|\n", ExtentKind.BODY),
        ("yaml", "jobs:|\n", ExtentKind.BODY),
        ("yaml", "name: |\n", ExtentKind.LINE),
        ("makefile", "all: main.o|\n", ExtentKind.BODY),
        ("markdown", "Things:|\n", ExtentKind.LINE),
        ("html", "<ul>|\n", ExtentKind.BODY),
        ("sql", "SELECT a|\n", ExtentKind.LINE),
    ],
)
def test_a_block_is_offered_only_where_one_has_been_opened(language: str, marked: str, expected: ExtentKind) -> None:
    assert kind(marked, language) is expected


@pytest.mark.parametrize("invoked", [False, True])
@pytest.mark.parametrize(
    ("language", "marked", "expected"),
    [
        ("python", "x = |\n", True),
        ("python", "x = f(a|)\n", True),
        ("python", "x = items[|]\n", True),
        ("python", "def f():\n    a = 1\n    |\n    return a\n", True),
        ("javascript", "const a = |;\n", True),
        ("sql", "SELECT a|\n", True),
        ("python", "def f():|\n", False),
        ("python", "def f():\n    |\n\nx = 1\n", False),
        ("javascript", "if (a) {\n  |\n}\n", False),
        ("javascript", "const f = () => {|}\n", False),
        ("html", "<ul>|</ul>\n", False),
        ("python", 'def f():\n    """|', False),
    ],
)
def test_the_engine_learns_whether_the_suffix_follows_the_line(
    language: str, marked: str, expected: bool, invoked: bool
) -> None:
    assert extent(marked, language, invoked=invoked).is_one_line is expected


def test_the_setting_and_an_invoked_request_override_it() -> None:
    assert kind("def f():|\n", multiline="never") is ExtentKind.LINE
    assert kind("    x = 1\n    |\n", multiline="always") is ExtentKind.BLOCK
    assert kind("    x = 1\n    |\n", invoked=True) is ExtentKind.BLOCK
    assert kind("f(|)", multiline="always") is ExtentKind.MIDDLE


LINES = [
    "a()\n", "\n    a()\n", "  \n\n  a\n", "{ a\n", ") {\n", "}\n", "\n}\n", "    if x:\n", "\n\n\nelse:\n", "\"\"\"\n",
]  # fmt: skip
CURSORS = [
    "x = |\n", "x|\n", "if (a)|\n", "f(a,|\n", "    |\n", "|\n", "  return a;|\n}\n", "# |\n", "'|\n", "f(|) + 1\n",
]  # fmt: skip


@pytest.mark.parametrize("language", ["python", "javascript", "go", "c", "ruby", "css", "markdown", "yaml", "html"])
@pytest.mark.parametrize("marked", CURSORS)
def test_where_the_engine_ends_with_a_line_that_line_decides(language: str, marked: str) -> None:
    before, _, after = marked.rpartition("|")
    window = window_at(before + after, len(before), 1000, 1000)
    for found in (extent(marked, language), extent_ahead(window, language, multiline="auto")):
        if found is not None and found.ends_with_line:
            assert [line for line in LINES if settled(found, line) is None] == []


@pytest.mark.parametrize(
    ("marked", "invoked", "expected"),
    [
        ("x = |\n", False, True),
        ("    |\n", False, True),
        ("f(|, b)\n", False, True),
        ("f(|)\n", False, False),
        ("x = |\n", True, False),
        ("def f():|\n", False, False),
        ("def f():\n    |\n", False, False),
    ],
)
def test_the_engine_ends_with_the_line_where_only_that_is_wanted(marked: str, invoked: bool, expected: bool) -> None:
    assert extent(marked, "python", invoked=invoked).ends_with_line is expected


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
