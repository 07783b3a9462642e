"""Whether the cursor is in a comment, in a string or in code, in languages with a parser and without one."""

from __future__ import annotations

import pytest

from infill_completion.languages.syntax import LiteralKind, literal_kind
from tests.languages.test_syntax import window

COMMENT, STRING, CODE = LiteralKind.COMMENT, LiteralKind.STRING, None


@pytest.mark.parametrize(
    ("language_id", "marked", "expected"),
    [
        # Comments that run to the end of the line: alone, after code, just begun, before code below.
        ("python", "# |", COMMENT),
        ("python", "#|\nx = 1\n", COMMENT),
        ("python", "x = 1  # a|\ny = 2\n", COMMENT),
        ("python", "def f():\n    # a|b\n    return 1\n", COMMENT),
        ("python", "# a\n|\n", CODE),
        ("python", "# a\nx = |", CODE),
        ("typescript", "const a = 1; // b|\n", COMMENT),
        ("go", "package a\n// b|\n", COMMENT),
        ("rust", "/// Returns |\nfn a() {}\n", COMMENT),
        ("c", "int a; // b|\n", COMMENT),
        ("java", "class A { // b|\n}\n", COMMENT),
        ("ruby", "x = 1 # a|", COMMENT),
        ("shellscript", "echo hi # a|", COMMENT),
        ("lua", "local a = 1 -- b|", COMMENT),
        ("sql", "select 1 -- a|", COMMENT),
        ("haskell", "f x = x -- a|", COMMENT),
        ("yaml", "a: 1 # b|", COMMENT),
        ("unknown", "a # b|", COMMENT),
        # Comments between delimiters.
        ("javascript", "/* a|\n */\nf();\n", COMMENT),
        ("javascript", "/** |", COMMENT),
        ("javascript", "/* a */|\nf();\n", CODE),
        ("c", "int a /* b| */;\n", COMMENT),
        ("css", "a { /* b|", COMMENT),
        ("html", "<p>a</p>\n<!-- b|\n", COMMENT),
        ("ocaml", "let a = 1 (* b|", COMMENT),
        ("lua", "--[[ a\nb|", COMMENT),
        ("powershell", "<# a|", COMMENT),
        ("markdown", "a\n<!-- b|", COMMENT),
        ("ruby", "=begin\na|\n", COMMENT),
        # Strings: on one line, just begun, closed by the editor, of several lines.
        ("python", "x = 'a|'\n", STRING),
        ("python", 'x = "|"\n', STRING),
        ("python", "x = 'a|", STRING),
        ("python", "print(f'a|')\n", STRING),
        ("python", 'x = """a\nb|', STRING),
        ("python", "q = run(\n    '''select |\n    ''')\n", STRING),
        ("typescript", "const a = 'b|';\n", STRING),
        ("typescript", "const a = `b|`;\n", STRING),
        ("typescript", "const a = `b\n|", STRING),
        ("go", 'package a\nvar b = "c|"\n', STRING),
        ("rust", 'fn a() { let b = "c|"; }\n', STRING),
        ("java", 'class A { String b = "c|"; }\n', STRING),
        ("c", 'char *a = "b|";\n', STRING),
        ("kotlin", 'val a = "b|"', STRING),
        ("csharp", 'var a = "b|";', STRING),
        ("lua", "local a = 'b|'", STRING),
        ("yaml", "a: 'b|'", STRING),
        ("shellscript", 'echo "a|"', STRING),
        ("shellscript", "cat <<EOF\na|\nEOF\n", STRING),
        ("toml", 'a = "b|"', STRING),
        # Code: after a string, in code inside a string, with an apostrophe or a mark of comments in it.
        ("python", "x = 'a'|\n", CODE),
        ("python", "x = 'a' + |\n", CODE),
        ("python", "x = '# no' + |\n", CODE),
        ("python", "print(f'a{b|}')\n", CODE),
        ("python", "x = f'{a|", CODE),
        ("python", "x = f'{{a|", STRING),
        ("python", "x = f'{a} b|", STRING),
        ("typescript", "const a = `b${c|}`;\n", CODE),
        ("typescript", "const a = `b${c|", CODE),
        ("typescript", "const a = 'http://b'; |\n", CODE),
        ("typescript", "const a = /'/; |\n", CODE),
        ("typescript", "const a = 1 / |\n", CODE),
        ("rust", "fn a<'b>(c: &'b str) { |}\n", CODE),
        ("rust", "let a: &'b str = |", CODE),
        ("c", "char a = '\"'; |\n", CODE),
        ("kotlin", 'val a = "${b|', CODE),
        ("ruby", 'puts "a#{b|', CODE),
        ("shellscript", "echo $# |", CODE),
        ("shellscript", "echo ${#a} |", CODE),
        ("yaml", "a: don't |", CODE),
        ("python", 'x = """a\nb""" + |', CODE),
        ("lua", "--[[ a ]] local b = |", CODE),
        ("markdown", "Don't |", CODE),
        ("markdown", 'He said "|', CODE),
        ("markdown", "```python\nx = |\n```\n", CODE),
        ("plaintext", "It's |", CODE),
        ("json", '{"a": "|"}', CODE),
        ("html", "<p>Don't |</p>", CODE),
        # Docstrings.
        ("python", 'def f():\n    """Return |"""\n', COMMENT),
        ("python", 'def f():\n    """Return |', COMMENT),
        ("python", '"""|"""\n', COMMENT),
        ("python", "class A:\n    '''a\n    |\n    '''\n", COMMENT),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_the_cursor_is_in(language_id: str, marked: str, expected: LiteralKind | None, ending: str) -> None:
    assert literal_kind(window(marked.replace("\n", ending)), language_id) is expected


@pytest.mark.parametrize("language_id", ["python", "typescript", "ruby", "kotlin", "unknown"])
@pytest.mark.parametrize("part", ["'", '"', "`", "f'{", "${", "\\", "/*", '"""', "{{", "#"])
def test_strange_text_ends_in_time(language_id: str, part: str) -> None:
    assert literal_kind(window(part * 3000 + "|"), language_id) in {COMMENT, STRING, CODE}
