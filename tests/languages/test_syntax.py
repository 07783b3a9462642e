"""A parser corrects what indentation suggests; without a parser, indentation decides."""

from __future__ import annotations

import pytest

from infill_completion.document.window import window_at
from infill_completion.languages import block_styles as styles
from infill_completion.languages import registry
from infill_completion.languages.language import Grammar, Language
from infill_completion.languages.syntax import (
    added_errors,
    is_in_string_or_comment,
    line_starts,
    parser,
    untouched_body,
)
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.extent import ExtentKind, extent_at
from tests.suggest.scripted import ScriptedEngine, at, says

AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))
LONG = 'HELP = """\n' + "words of a text\n" * 800 + '"""\n'


def window(marked: str, budget: int = 20_000):
    before, _, behind = marked.rpartition("|")
    return window_at(before + behind, len(before), budget, budget)


def kind(marked: str, language: str = "python") -> ExtentKind:
    return extent_at(window(marked), language, multiline="auto", is_invoked=False).kind


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("python", "# Things to do:|\n"),
        ("python", 'def f():\n    """Notes:|\n    """\n'),
        ("python", 'def f():\n    """Notes:\n        |\n'),
        ("javascript", "// for each {|\n"),
        ("javascript", "/* for each {|\n */\n"),
        ("javascript", "const s = `if {|\n`;\n"),
        ("go", "// when (|\n"),
        ("rust", "/// A list of [|\nfn f() {}\n"),
        ("c", "/*\n * if (a) {|\n */\n"),
        ("cpp", "// namespace a {|\n"),
        ("java", "/** Use {|\n */\nclass A {}\n"),
        ("typescript", "// type A = {|\n"),
    ],
)
def test_an_opener_in_a_comment_or_a_string_opens_no_block(language: str, marked: str) -> None:
    assert kind(marked, language) is ExtentKind.LINE


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("python", 'def f():\n    """Do it."""\n    |\n'),
        ("python", "class A:\n    def f(self):\n        # Do it.\n        |\n\n    def g(self):\n        pass\n"),
        ("javascript", "function f() {\n  // Do it.\n  |\n}\n"),
        ("typescriptreact", "function f(): string {\n  /* Do it. */\n  |\n}\n"),
        ("go", "func f() {\n\t// Do it.\n\t|\n}\n"),
        ("rust", "fn f() {\n    // Do it.\n    |\n}\n"),
        ("java", "class A {\n    void f() {\n        // Do it.\n        |\n    }\n}\n"),
        ("c", "int f(void) {\n  /* Do it. */\n  |\n}\n"),
        ("cpp", "int f() {\n  // Do it.\n  |\n}\n"),
    ],
)
def test_a_body_of_comments_alone_is_still_to_be_written(language: str, marked: str) -> None:
    assert kind(marked, language) is ExtentKind.BLOCK


@pytest.mark.parametrize(
    "marked",
    [
        'def f():\n    """Do it."""\n    a()\n    |\n',
        'x = 1\n"""Not a docstring."""\n|\n',
        'def f():\n    a()\n    """Not a docstring."""\n    |\n',
    ],
)
def test_a_body_with_code_is_not_empty(marked: str) -> None:
    assert kind(marked) is ExtentKind.LINE


@pytest.mark.parametrize(
    ("language", "text", "raw", "expected"),
    [
        # Text in a string may have any indentation.
        (
            "python",
            "def f():|\n",
            '\n    q = """\nSELECT (\n"""\n    return q\n\ndef g():\n    pass\n',
            '\n    q = """\nSELECT (\n"""\n    return q',
        ),
        (
            "javascript",
            "function f() {|\n",
            "\n  const s = `\n}\nfoo`;\n  return s;\n}\ng();\n",
            "\n  const s = `\n}\nfoo`;\n  return s;\n}",
        ),
        ("go", "func f() {|\n", "\n\ts := `\n}`\n\tg(s)\n}\n\nfunc h() {\n", "\n\ts := `\n}`\n\tg(s)\n}"),
        ("java", "void f() {|\n", '\n    g("""\n}\n""");\n}\nvoid h() {\n}\n', '\n    g("""\n}\n""");\n}'),
        ("rust", "fn f() {|\n", '\n    let s = "a\n}\nb";\n}\nfn g() {}\n', '\n    let s = "a\n}\nb";\n}'),
        # Lines that begin left of the block and belong to it.
        ("go", "switch x {|\n", "\ncase 1:\n\tf()\ndefault:\n\tg()\n}\nh()\n", "\ncase 1:\n\tf()\ndefault:\n\tg()\n}"),
        (
            "c",
            "int f(void) {|\n",
            "\n#ifdef A\n  a();\n#endif\n  goto out;\nout:\n  return 0;\n}\nint g;\n",
            "\n#ifdef A\n  a();\n#endif\n  goto out;\nout:\n  return 0;\n}",
        ),
        ("cpp", "struct A {|\n", "\npublic:\n  int x;\n};\nstruct B {};\n", "\npublic:\n  int x;\n};"),
        # Brackets in strings and comments close nothing.
        ("c", "int f(void) {|\n", "\n  f(\"}\"); // }\n  g('}');\n}\nint h;\n", "\n  f(\"}\"); // }\n  g('}');\n}"),
        ("typescript", "if (a) {|\n", '\n  b("}");\n}\nelse {\n  c();\n}\nd();\n', '\n  b("}");\n}'),
        # A body that is closed within a line has ended.
        ("javascript", "if (a) {|\n", "\n  b(); }\n  c();\n}\n", "\n  b(); }"),
        ("python", "def f():|\n", "\n    x = [\n    1,\n    ]\n    f()\ny = 1", "\n    x = [\n    1,\n    ]\n    f()"),
    ],
)  # fmt: skip
async def test_a_block_ends_where_the_syntax_ends_it(language: str, text: str, raw: str, expected: str) -> None:
    completer = Completer(ScriptedEngine(says(raw)), AT_ONCE)
    answer = await completer.complete(at(text, language))
    await completer.aclose()
    assert [suggestion.text for suggestion in answer.suggestions] == [expected]


async def test_a_string_that_the_model_does_not_close_is_left_out() -> None:
    completer = Completer(ScriptedEngine(says('\n    a()\n    b("""\n    and so on\n    and on')), AT_ONCE)
    answer = await completer.complete(at("def f():|\n"))
    await completer.aclose()
    assert [suggestion.text for suggestion in answer.suggestions] == ["\n    a()"]


def test_a_window_that_begins_inside_a_string_is_unknown() -> None:
    cut = window(LONG + "if a:|\n", budget=2000)
    assert not cut.starts_document
    assert not is_in_string_or_comment(cut, "python")
    assert kind(LONG + "if a:|\n") is ExtentKind.BODY


def test_a_long_file_is_parsed_from_a_definition_near_the_cursor() -> None:
    text = "".join(f"def f{number}():\n    return {number}\n\n" for number in range(1000))
    assert untouched_body(window(text + 'def g():\n    """Do it."""\n    |\n'), "python") == 0


def test_added_errors_are_negative_if_a_suggestion_mends_the_syntax() -> None:
    before, behind = "def f(a, b):\n    return ", "\n\nprint(f(1, 2))\n"
    assert added_errors(window(f"{before}|{behind}"), "a + b", 0, "python") == 0
    worse = added_errors(window(f"{before}|{behind}"), "a + (b", 0, "python")
    assert worse is not None
    assert worse > 0
    mended = added_errors(window("x = f(1, |\ny = 2\n"), "2)", 0, "python")
    assert mended is not None
    assert mended < 0


def test_a_language_without_a_grammar_is_unknown() -> None:
    assert added_errors(window("x|z"), "y", 0, "cobol") is None
    assert line_starts("x", "y\nz", "cobol") is None
    assert not is_in_string_or_comment(window("-- a {|\n"), "cobol")
    assert untouched_body(window("begin\n  |\n"), "cobol") is None


def test_a_grammar_that_is_missing_on_a_platform_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    language = Language(("brainfuck",), styles.UNKNOWN, grammar=Grammar("tree_sitter_brainfuck"))
    monkeypatch.setitem(registry.BY_ID, "brainfuck", language)
    assert parser.has_grammar("brainfuck")
    assert parser.parse(b"+", "brainfuck") is None


def test_a_parser_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_MS", 0.0)
    assert parser.parse(b"x = 1\n" * 20_000, "python") is None
    monkeypatch.setattr(parser, "MAX_MS", 5000.0)
    tree = parser.parse(b"x = 1\n", "python")
    assert tree is not None
    assert tree.root_node.end_byte == 6


@pytest.mark.parametrize("language", sorted(id_ for id_, language in registry.BY_ID.items() if language.grammar))
def test_every_grammar_is_installed_and_reads_text_beyond_ascii(language: str) -> None:
    found = line_starts("é = 😀\n", "f(\n1)\n", language)
    assert found is not None
    assert [start.depth for start in found] == [0, 1, 0]
