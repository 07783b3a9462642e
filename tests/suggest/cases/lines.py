"""Cursor cases of whole lines: their indentation, copies of existing lines, and what they leave unfinished."""

from __future__ import annotations

from tests.suggest.cases.table import FILTERED, SAME, Case

DEPTH = [
    # No line above opens a block, so no line begins deeper.
    Case("python", "def f(x):\n    a = 1\n    |\n    b = 2\n", "    if not x:", "if not x:"),
    Case("python", "def f(x):\n    a = 1\n    |\n", "  b = 2", "b = 2"),
    Case("python", "def f():\n\t|\n", "    x = 1", "x = 1"),
    Case("python", "|", "         self.assertEqual(len(a", "self.assertEqual(len(a"),
    Case("python", "def f():\n    # why\n    |", "    y = 2", "y = 2"),
    Case(
        "python",
        "def f():\n    a()\n    |\n",
        "    if x:\n            y()\n            z()",
        "if x:\n        y()\n        z()",
        True,
    ),
    Case("python", "def f():\n    a()\n    |\n", "    if x:\n        y()", "if x:\n        y()", True),
    Case("python", "x = 1\n|", "    y = 2\n    z = 3", "y = 2\nz = 3", True),
    Case("javascript", "a();\n|\n", "    b();", "b();"),
    Case("javascript", "x = {\n  a: 1,\n  |\n}\n", "  b: 2,", "b: 2,"),
    Case("java", "class A {\n  int x;\n  |", "  int y;", "int y;"),
    Case("go", "func f() {\n\tfor {\n\t\t|\n\t}\n}\n", "\tb()", "b()"),
    # The cursor need not be where the line begins.
    Case("python", "def f():\n    x = 1\n|", "    y = 2", SAME),
    Case("python", "def f():\n|", "    y = 2", SAME),
    Case("python", "if a:\n    if b:\n        c()\n|", "    d()", SAME),
    Case("python", "def f():\n    x = 1\n# note\n|", "    y = 2", SAME),
    Case("python", "def f():\n\tx = 1\n|", "    y = 2", "\ty = 2"),
    Case("java", "class A {\n  int x;\n|", "  int y;", SAME),
    # A continued line may have any indentation.
    Case("python", "x = foo(a,\n        |\n", "  b)", SAME),
    Case("python", "x = 1 + \\\n|", "    2", SAME),
    Case("python", "if x:\n    y = '''a\nb'''\n|", "    z()", SAME),
    Case("python", 'def f():\n    """Add.\n\n    Args:\n    |\n    """\n', "    a: A number.", SAME),
    Case("javascript", "function f() {\n  g(`\na`);\n|\n", "  h();", SAME),
    Case("javascript", "a()\n|\n", "    .b();", SAME),
    Case("javascript", "f(a,\n|", "  b);", SAME),
    Case("yaml", "- a\n|", "  - b", "- b"),  # Deeper it would be text of the first entry.
    Case("markdown", "* a\n|", "  * b", SAME),
    # A deeper line needs an opener.
    Case(
        "python",
        "class A:\n    def f(self):\n        print(x, |\n",
        "y)\n            def g(self):\n                pass",
        "y)",
        True,
    ),
    Case("c", "int f() {\n    |\n}\n", "return a;\n        if (x)\n            b();", "return a;", True),
    Case("python", "def f():\n    |\n", "return (a\n            + b)", SAME, True),
    Case("python", "def f():\n    |\n", "x = '''\n        deep\n    '''\n    return x", SAME, True),
    Case("c", "switch (a) {\n  |\n}\n", "case 1: f();\n    break;", SAME, True),
    Case("javascript", "f|\n", "(a)\n  .then(b)", SAME, True),
]

LOOP = (
    "raise ValueError('not a number')\n        else:\n            self.wait()\n        elif timeout < 0:\n            "
)
LOOPS = [
    Case(
        "python",
        "class A:\n    def g(self):\n|",
        "        return 1\n\n    def g(self):\n" * 8,
        "        return 1",
        True,
    ),
    Case("python", "    if x:\n            |\n", LOOP * 3, "raise ValueError('not a number')", True),
    Case("python", "|", "call(1)\nprint(2)\n" * 3 + "call(1)", "call(1)\nprint(2)", True),
    Case("python", "|", "one()\ntwo()\nthree()\n" * 2 + "one()\ntw", "one()\ntwo()\nthree()", True),
    Case("python", "one()\ntwo()\n|", "one()\ntwo()\n" * 4, FILTERED, True),
    Case("python", "x = [\n    |\n]\n", "foo(1),\n    " * 3, "foo(1),", True),
    # Lines that differ are not a loop, and neither are lines without words.
    Case("python", "|", "\n".join(f"assert f({n}) == {n * n}" for n in range(9)), SAME, True),
    Case("c", "int t[] = {|\n", "\n  0, 1, 0,\n  0, 1, 0,\n  0, 1, 0,\n};", SAME),
    Case("python", "|", "show(a)\nshow(a)\nhide(b)\nhide(b)", SAME, True),
]

COPIES = [
    # The line below, even after the user has begun it.
    Case("go", "f(x)\nuco|\nuconn.Read(b)\n", "nn.Read(b)", FILTERED),
    Case("python", "x = 1\nx|\nx = 2\n", " = 2", SAME),
    Case("go", "f(x)\nuco|\n\tuconn.Read(b)\n", "nn.Read(b)", SAME),
    # Three in a row.
    Case("c", "    ret = reset(s);\n    |\n", "ret = reset(s);\n    ret = reset(s);", FILTERED, True),
    Case("c", "    ret = reset(s);\n    |\n", "ret = reset(s);", SAME),
    Case("python", "a = 1\n|\n", "add_row(1)\nadd_row(1)\nadd_row(1)", "add_row(1)", True),
    # Two copies of a line that never occurs twice.
    Case("go", 'import (\n\t"os/exec"\n\t|\n)\n', '"os/exec"', FILTERED),
    Case("python", "import os\nimp|\n", "ort os", FILTERED),
    Case("python", "import os\nimp|\n", "ort sys", SAME),
    Case("c", "  unsigned char input[CHUNK];\n  |\n", "unsigned char input[CHUNK];", FILTERED),
    Case("c", "  unsigned char input[CHUNK];\n  |\n", "unsigned char output[CHUNK];", SAME),
    Case("typescript", "const a = f();\n|\n", "const a = f();", FILTERED),
    Case("rust", "for row in 0..self.rows {\n    |\n", "for row in 0..self.rows {", FILTERED),
    Case("rust", "for row in 0..self.rows {\n    |\n", "for column in 0..self.columns {", SAME),
    Case("python", "i.advance()\n|\n", "i.advance()", SAME),
    Case("html", "<div>\n  |\n", "<div>", SAME),
]

OPENERS = [
    Case("python", "def f():\n    a = 1\n    |\n", "if a:\n        b()\n    else:", "if a:\n        b()", True),
    Case("python", "def f():\n    |\n", "a()\n    if b:\n        # why", "a()"),
    Case("javascript", "if (a) {|\n", "\n  b();\n} else {", "\n  b();\n}", True),
    Case("javascript", "if (a) {|\n", "\n  b();\n  if (c) {", "\n  b();", True),
    Case("ruby", "def f|\n", "\n  a\n  if b", "\n  a", True),
    # A single line may open a block, and the document may have the body.
    Case("python", "def f():|\n", "\n    if a:", SAME),
    Case("python", "if a:\n    |\n        c()\n", "b()\n    for x in y:", SAME, True),
    Case("python", "def f():\n    |\n", "a()\n    # why", SAME, True),
    Case("yaml", "jobs:|\n", "\n  build:\n  test:", SAME),
    # The end of a statement begun above is not an opener, and neither is code in a comment.
    Case("javascript", "    if (a &&\n        |\n      throw 1\n    }\n", "b &&\n        c) {", SAME, True),
    Case("python", "def f(a,\n      |\n    pass\n", "b,\n      c):", SAME, True),
    Case("java", "/**\n |\n */\nclass A {\n}\n", "* Use:\n * class A {", SAME, True),
    Case("c", "|\n", "int\nmain(void)\n{", SAME, True),
]

STRANGE = [
    Case("python", "|\n", "```python\nx = 1\n```", "x = 1", True),
    Case("python", "def f():\n    |\n", "```python\n    a()\n    b()\n```\nThis calls both.", "a()\n    b()", True),
    Case("python", "x = |\n", "```python\n1\n```", FILTERED),
    Case("markdown", "|\n", "```python\nx = 1\n```", SAME, True),
    Case("rust", "/// |\n", "```", SAME),
    Case("python", "total = |\n", "0\0\7", "0"),
    Case("python", "total = |\n", "\u200b1", "1"),
    Case("python", "total = |\n", "\0", FILTERED),
    Case("python", "gap = '\u200b'\ntotal = |\n", "'\u200b'", SAME),
]


# An automatic suggestion never breaks a document without syntax errors.
SYNTAX = [
    Case("python", "def f(a):\n    |\n    return a\n", "a = (a))", "a = (a)"),
    Case("python", "def f(a):\n    |\n    return a\n", "f(1) f(2)", FILTERED),
    Case("python", "def f(a):\n    |\n    return a\n", "f(1) f(2)", SAME, True),
    Case("rust", "impl A {\n    |\n    fn f() {}\n}\n", "rows: usize,", FILTERED),
    Case("java", "class A {\n    final int a;\n    |\n    final int b;\n}\n", "}", FILTERED),
    # A line that may continue is not an error yet.
    Case("python", "def f(a):\n    |\n", "b = call(a,", SAME),
    Case("python", "|\nimport os\n", "@dataclass(frozen=True)", SAME),
    Case("javascript", "function f(a) {\n  |\n}\n", "const b = a +", SAME),
    Case("java", "class A {\n    |\n}\n", "int a = 1", SAME),
    Case("typescriptreact", "const a = (\n  |\n);\n", '<div className="a">', SAME),
    Case("c", "int a;\n|\n", "int main(void)", SAME),
    Case("c", "int a;\n|\n", "#ifdef A", SAME),
    Case("python", "def f(a):\n    |\n", "for b in a:", SAME),
]

CASES = [*DEPTH, *LOOPS, *COPIES, *OPENERS, *STRANGE, *SYNTAX]
