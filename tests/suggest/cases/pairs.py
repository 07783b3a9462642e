"""Cursor cases of quotes, brackets and fences that the editor has closed, or that close on another line."""

from __future__ import annotations

from tests.suggest.cases.table import FILTERED, SAME, Case

QUOTES = [
    Case("python", "x = '|'\n", "abc'", "abc"),
    Case("python", "foo('|')\n", "bar')", "bar"),
    Case("python", "x = '|'\n", "a' + 'b'", "a' + 'b"),
    Case("python", "f('a', '|', 'b')\n", "c', 'b')", "c"),
    Case("markdown", "the '|'\n", "don't", SAME),
    Case("python", "x = ''|\n", " + y", SAME),
    Case("python", "print(f'|')\n", '{d["a"]}\'', '{d["a"]}'),
    Case("python", "# don't say '|'\n", "this'", "this"),
    Case("javascript", "import x from '|';\n", "./x';", "./x"),
    Case("javascript", "foo('|');\n", "bar'", "bar"),
    Case("javascript", "const x = '|';\n", "it\\'s';", "it\\'s"),
    Case("c", "char c = '|';\n", "a';", "a"),
    Case("rust", "fn f<'a>(x: &'a str, y: &|)\n", "'a str", SAME),
    Case("markdown", "It's the '|'\n", "word'", "word"),
    Case("python", 'x = """|"""\n', 'abc"""', "abc"),
    Case("python", 'def f():\n    """Add.\n\n    Both|"""\n', ' of them."""', " of them."),
    Case("python", 'def f():\n    """|\n', 'Add."""', SAME),
]

ANGLES = [
    Case("rust", "let v: Vec<|> = x;\n", "u8> = x;", "u8"),
    Case("rust", "let v: Vec<|> = x;\n", "u8>", "u8"),
    Case("rust", "fn f<|>(x: T) {}\n", "T>", "T"),
    Case("rust", "fn f<|>(x: T) {}\n", "T>(y: T", "T"),
    Case("rust", "let f: Box<dyn Fn(|)>\n", "u8) -> u8", SAME),
    Case("rust", "let f: Box<|>\n", "dyn Fn(u8) -> u8", SAME),
    Case("cpp", "std::vector<|>\n", "int>", "int"),
    Case("java", "new ArrayList<|>();\n", "String>(names);", "String"),
    Case("c", "#include <|>\n", "stdio.h>", "stdio.h"),
    Case("html", "<div|>\n", ' class="a">', ' class="a"'),
    Case("typescriptreact", "return <|>;\n", "Button onClick={() => save()} />", "Button onClick={() => save()} /"),
]

# A suggestion that continues after the bracket replaces the one that the editor has inserted.
REPLACED = [
    Case("rust", "let v: Vec<|>\n", "u8> = x;", SAME),
    Case("rust", "let v: Vec<|>;\n", "u8> = x;", SAME),
    Case("java", "List<|>\n", "String> names = new ArrayList<>();", SAME),
    Case("java", "Map<String, List<|>>\n", "String>> names;", SAME),
    Case("rust", "f(Vec<|>)\n", "u8>::new()", SAME),
    Case("python", "x = '|'\n", "a' + b", SAME),
]

LINES_BELOW = [
    Case("javascript", "throw Object.assign(new Error(|), {\n  a: 1,\n})\n", "'bad')", "'bad'"),
    Case("python", "foo(bar(|),\n    y)\n", "x)", "x"),
    Case("python", "foo(bar(|)\n", "x)", SAME),
    Case("javascript", "if (a(|) {\n  b();\n}\n", "x)", SAME),
    Case("python", 'def f():\n    """Doc.\n\n    more\n    |\n    """\n', '"""', FILTERED),
    Case("python", 'def f():\n    """Doc.\n\n    |\n    """\n', 'more\n    """', "more", True),
    Case("python", 'def f():\n    """Doc.\n\n    more\n    |\n', '"""', SAME),
    Case("python", "x = '''\na\n|\n'''\n", "'''", FILTERED),
    Case("markdown", "```\na\n|\n```\n", "```", FILTERED),
    Case("markdown", "```\na\n|\n", "```", SAME),
    Case("c", "/*\n * a\n |\n */\nint x;\n", "*/", FILTERED),
    Case("c", "/*\n * a\n |\nint x;\n", "*/", SAME),
]

CASES = [*QUOTES, *ANGLES, *REPLACED, *LINES_BELOW]
