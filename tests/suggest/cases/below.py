"""Rows in which the model goes on below a line, finishes a rule of a style sheet, or fills a body.

`Row.text` has the cursor at its ``█``; what follows are documents after the suggestion was accepted.
"""

from __future__ import annotations

from infill_completion.document.snapshot import SkipReason
from tests.suggest.cases.row import WHOLE, Row

NEXT_LINES = [
    Row("python", "x = 1█\n", "\ny = 2\n", SkipReason.NEXT_LINE, "x = 1\ny = 2\n"),
    Row("python", "x = 1█\nz = 3\n", "\ny = 2\n", SkipReason.NEXT_LINE, "x = 1\ny = 2\nz = 3\n"),
    Row(
        "python",
        "import os█\n",
        "\nimport sys\nimport re\n\nfoo()\n",
        SkipReason.NEXT_LINE,
        "import os\nimport sys\nimport re\n",
    ),
    Row(
        "python",
        "def f():\n    x = 1█\n",
        "\n    y = 2\n    return x\n\ndef g():\n",
        SkipReason.NEXT_LINE,
        "def f():\n    x = 1\n    y = 2\n    return x\n",
    ),
    Row(
        "python",
        "def f():\n    x = 1█\n    return x\n",
        "\n    y = 2\n    return x\n",
        SkipReason.NEXT_LINE,
        "def f():\n    x = 1\n    y = 2\n    return x\n",
    ),
    Row(
        "python",
        "def f():\n    return 1█\n",
        "\n\n\ndef g():\n    return 2\n",
        SkipReason.NEXT_LINE,
        "def f():\n    return 1\n\n\ndef g():\n    return 2\n",
    ),
    Row(
        "python",
        "# Read the file.█\n",
        "\ntext = open(path).read()\n",
        SkipReason.NEXT_LINE,
        "# Read the file.\ntext = open(path).read()\n",
    ),
    Row(
        "python",
        "def f():\n    # Read the file.█\n",
        "\n    text = open(path).read()\n    return text\n",
        SkipReason.NEXT_LINE,
        "def f():\n    # Read the file.\n    text = open(path).read()\n    return text\n",
    ),
    Row(
        "python",
        "@property█\n",
        "\ndef f(self):\n    return 1\n",
        "@property\ndef f(self):\n",
        "@property\ndef f(self):\n    return 1\n",
    ),
    Row("python", "x = foo(a,█\n", "\n        b)\n", "x = foo(a,\n        b)\n"),
    Row("python", "x = foo(a,█\n", "\n        b)\ny = 1\n", "x = foo(a,\n        b)\n"),
    Row("javascript", "foo();█\n", "\nbar();\n", SkipReason.NEXT_LINE, "foo();\nbar();\n"),
    Row("javascript", "foo()█;\n", "\nbar();\n", SkipReason.NEXT_LINE),
    Row(
        "javascript",
        "items█\n",
        "\n  .map(a)\n  .filter(b);\nfoo();\n",
        "items\n  .map(a)\n",
        "items\n  .map(a)\n  .filter(b);\n",
    ),
    Row("c", "void f()█\n", "\n{\n    g();\n}\n\nvoid h()\n", "void f()\n{\n    g();\n}\n"),
    Row(
        "c", "int main(void)█\n\nint x;\n", "\n{\n    return 0;\n}\n", "int main(void)\n{\n    return 0;\n}\n\nint x;\n"
    ),
    Row("c", "int main(void)█\n{\n}\n", "\n{\n    return 0;\n}\n", SkipReason.FILTERED),
    Row("c", "void f();█\n", "\n{\n    g();\n}\n", SkipReason.NEXT_LINE, "void f();\n{\n    g();\n}\n"),
    Row(
        "csharp",
        "class A\n{\n    void F()█\n}\n",
        "\n    {\n        G();\n    }\n\n    void H()\n",
        "class A\n{\n    void F()\n    {\n        G();\n    }\n}\n",
    ),
    Row(
        "csharp",
        "if (a)█\n",
        "\n{\n    b();\n}\nelse\n{\n    c();\n}\nd();\n",
        "if (a)\n{\n    b();\n}\nelse\n{\n    c();\n}\n",
    ),
    Row("csharp", "public class A█\n", "\n{\n    int x;\n}\n", "public class A\n{\n    int x;\n}\n"),
    Row("cpp", "namespace a█\n", "\n{\n    int x;\n}\n", "namespace a\n{\n    int x;\n}\n"),
    Row("java", "void f()█\n", "\n{\n    g();\n}\n", "void f()\n{\n    g();\n}\n"),
    Row("php", "<?php\nfunction f()█\n", "\n{\n    return 1;\n}\n", "<?php\nfunction f()\n{\n    return 1;\n}\n"),
    Row("javascript", "if (a)█\n", "\n  b();\nc();\n", "if (a)\n  b();\n"),
    Row("css", ".a█\n", " {\n  color: red;\n}\n\n.b {\n", ".a {\n  color: red;\n}\n"),
    Row("css", ".a█\n\n.b { }\n", " {\n  color: red;\n}\n", ".a {\n  color: red;\n}\n\n.b { }\n"),
    Row("css", ".a█\n", ",\n.b {\n  color: red;\n}\n", ".a,\n.b {\n  color: red;\n}\n"),
    Row(
        "scss",
        ".a█\n",
        " {\n  color: red;\n  &:hover {\n    a: b;\n  }\n}\n",
        ".a {\n  color: red;\n  &:hover {\n    a: b;\n  }\n}\n",
    ),
    Row(
        "javascript",
        "function f█\n",
        "() {\n  return 1;\n}\nfoo();\n",
        "function f() {\n",
        "function f() {\n  return 1;\n}\n",
    ),
    Row("go", "func f█\n", "() {\n\treturn 1\n}\n\nfunc g() {\n", "func f() {\n", "func f() {\n\treturn 1\n}\n"),
    Row("python", "def f█\n", "(a):\n    return a\n\n\ndef g():\n", "def f(a):\n", "def f(a):\n    return a\n"),
    Row("python", "def f(█\n", "a):\n    return a\n\n\ndef g():\n", "def f(a):\n    return a\n"),
    Row("rust", "fn f█\n", "() -> u8 {\n    1\n}\n", "fn f() -> u8 {\n", "fn f() -> u8 {\n    1\n}\n"),
    Row("ruby", "def f█\n", "(a)\n  a\nend\n\ndef g\n", "def f(a)\n  a\nend\n"),
    Row("ruby", "def █\n", "f(a)\n  a\nend\n\ndef g\n", "def f(a)\n", "def f(a)\n  a\nend\n"),
]

STYLE_SHEETS = [
    Row("css", ".a█\n", " {\n  color: red;\n}\n\n.b {\n", ".a {\n  color: red;\n}\n"),
    Row("css", ".a █\n", "{\n  color: red;\n}\n\n.b {\n", ".a {\n  color: red;\n}\n"),
    Row("css", ".a█\n\n.b { }\n", " {\n  color: red;\n}\n", ".a {\n  color: red;\n}\n\n.b { }\n"),
    Row("css", ".a█\n", ",\n.b {\n  color: red;\n}\n.c {\n", ".a,\n.b {\n  color: red;\n}\n"),
    Row("css", ".a█\n", ",\n.b,\n.c > d {\n  color: red;\n}\n.c {\n", ".a,\n.b,\n.c > d {\n  color: red;\n}\n"),
    Row("css", "a:hover█\n", " {\n  color: red;\n}\n.c {\n", "a:hover {\n  color: red;\n}\n"),
    Row(
        "css",
        "@media (min-width: 1px)█\n",
        " {\n  .a {\n    color: red;\n  }\n}\n.c {\n",
        "@media (min-width: 1px) {\n  .a {\n    color: red;\n  }\n}\n",
    ),
    Row("css", ".a {\n  color: █\n}\n", "red;\n  margin: 0;\n}\n", ".a {\n  color: red;\n}\n"),
    Row("css", ".a {\n  col█\n}\n", "or: red;\n  margin: 0;\n}\n", ".a {\n  color: red;\n}\n"),
    Row("css", ".a {\n  color:█\n}\n", " red;\n  margin: 0;\n}\n", ".a {\n  color: red;\n}\n"),
    Row(
        "css",
        ".a {\n  color: red;█\n}\n",
        "\n  margin: 0;\n}\n",
        SkipReason.NEXT_LINE,
        ".a {\n  color: red;\n  margin: 0;\n}\n",
    ),
    Row(
        "css",
        ".a {\n  color: red;\n}█\n",
        "\n\n.b {\n  margin: 0;\n}\n",
        SkipReason.NEXT_LINE,
        ".a {\n  color: red;\n}\n\n.b {\n  margin: 0;\n}\n",
    ),
    Row("css", "/* .a█\n", " {\n  color: red;\n}\n", "/* .a {\n", "/* .a {\n  color: red;\n}\n"),
    Row(
        "scss", ".a {\n  &:hover█\n}\n", " {\n    color: red;\n  }\n}\n", ".a {\n  &:hover {\n    color: red;\n  }\n}\n"
    ),
    Row("css", ".a█\n", "\n{\n  color: red;\n}\n", ".a\n{\n  color: red;\n}\n"),
    Row("css", ".a█\n  color: red;\n}\n", " {\n  color: red;\n}\n", ".a {\n  color: red;\n}\n"),
    Row("less", ".a█\n", "() {\n  color: red;\n}\n", ".a() {\n  color: red;\n}\n"),
    Row("css", ".a█\n", " { color: red; }\n.b { }\n", ".a { color: red; }\n"),
    Row(
        "html",
        "<style>\n  .a█\n</style>\n",
        " {\n    color: red;\n  }\n",
        "<style>\n  .a {\n</style>\n",
        "<style>\n  .a {\n    color: red;\n  }\n</style>\n",
    ),
]

BODIES = [
    Row(
        "python",
        "def take(n):\n    █\n",
        "a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        "def take(n):\n    a = []\n    for i in n:\n        a.add(i)\n\n    return a\n",
    ),
    Row(
        "python",
        "def take(n):█\n",
        "\n    a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        "def take(n):\n    a = []\n    for i in n:\n        a.add(i)\n\n    return a\n",
    ),
    Row(
        "python",
        "def take(n):\n    █\n\n\ndef c():\n    pass\n",
        "a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        "def take(n):\n    a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef c():\n    pass\n",
    ),
    Row(
        "python",
        'def take(n):\n    """Take."""\n    █\n',
        "a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        'def take(n):\n    """Take."""\n    a = []\n    for i in n:\n        a.add(i)\n\n    return a\n',
    ),
    Row(
        "python",
        "def take(n):\n    # Take.\n    █\n",
        "a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        "def take(n):\n    # Take.\n    a = []\n    for i in n:\n        a.add(i)\n\n    return a\n",
    ),
    Row(
        "python",
        "def take(n):\n    x = 1\n    █\n",
        "a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        "def take(n):\n    x = 1\n    a = []\n",
        "def take(n):\n    x = 1\n    a = []\n    for i in n:\n        a.add(i)\n",
    ),
    Row(
        "python",
        "def take(n):\n    x = 1\n    █\n    return x\n",
        "a = []\n    for i in n:\n        a.add(i)\n\n    return a\n\n\ndef b():\n",
        "def take(n):\n    x = 1\n    a = []\n    return x\n",
        "def take(n):\n    x = 1\n    a = []\n    for i in n:\n        a.add(i)\n    return x\n",
    ),
    Row(
        "python",
        "class A:\n    def take(self, n):\n        █\n",
        "if n:\n            a()\n        b()\n        return 1\n\n    def c(self):\n",
        "class A:\n    def take(self, n):\n        if n:\n            a()\n        b()\n        return 1\n",
    ),
    Row(
        "go",
        "func f() {\n\t█\n}\n",
        "a := 1\n\tif a > 0 {\n\t\tb()\n\t}\n\n\tc()\n\treturn a\n}\n\nfunc g() {\n}\n",
        "func f() {\n\ta := 1\n\tif a > 0 {\n\t\tb()\n\t}\n\n\tc()\n\treturn a\n}\n",
    ),
    Row(
        "go",
        "func f() {\n\t█\n}\n",
        "if a > 0 {\n\t\tb()\n\t}\n\n\tc()\n\treturn a\n}\n\nfunc g() {\n}\n",
        "func f() {\n\tif a > 0 {\n\t\tb()\n\t}\n\n\tc()\n\treturn a\n}\n",
    ),
    Row(
        "go",
        "func f() {\n\t█\n",
        "if a > 0 {\n\t\tb()\n\t}\n\n\tc()\n\treturn a\n}\n\nfunc g() {\n}\n",
        "func f() {\n\tif a > 0 {\n\t\tb()\n\t}\n\n\tc()\n\treturn a\n}\n",
    ),
    Row(
        "javascript",
        "function f() {\n  █\n}\n",
        "const a = 1;\n\n  if (a) {\n    b();\n  }\n\n  return a;\n}\n\nfunction g() {}\n",
        "function f() {\n  const a = 1;\n\n  if (a) {\n    b();\n  }\n\n  return a;\n}\n",
    ),
    Row(
        "javascript",
        "const f = async () => {\n  █\n};\n",
        "if (a) {\n    b();\n  }\n\n  return a;\n};\n\nfunction g() {}\n",
        "const f = async () => {\n  if (a) {\n    b();\n  }\n\n  return a;\n};\n",
    ),
    Row(
        "csharp",
        "void F()\n{\n    █\n}\n",
        "if (a)\n    {\n        b();\n    }\n\n    c();\n}\n\nvoid G()\n",
        "void F()\n{\n    if (a)\n    {\n        b();\n    }\n\n    c();\n}\n",
    ),
    Row(
        "java",
        "class A {\n    int f() {\n        █\n    }\n}\n",
        "for (;;) {\n            y();\n        }\n\n        return 1;\n    }\n}\n",
        "class A {\n    int f() {\n        for (;;) {\n            y();\n        }\n\n        return 1;\n    }\n}\n",
    ),
    Row(
        "rust",
        "fn f() -> u8 {\n    █\n}\n",
        "let a = 1;\n\n    for x in y {\n        z();\n    }\n\n    a\n}\n\nfn g() {}\n",
        "fn f() -> u8 {\n    let a = 1;\n\n    for x in y {\n        z();\n    }\n\n    a\n}\n",
    ),
    Row(
        "c",
        "int f(void)\n{\n    █\n}\n",
        "int a = 1;\n\n    if (a) {\n        b();\n    }\n\n    return a;\n}\n\nint g(void)\n",
        "int f(void)\n{\n    int a = 1;\n\n    if (a) {\n        b();\n    }\n\n    return a;\n}\n",
    ),
    Row(
        "ruby",
        "def f\n  █\nend\n",
        "a = 1\n\n  if a\n    b\n  end\n\n  a\nend\n\ndef g\nend\n",
        "def f\n  a = 1\n\n  if a\n    b\n  end\n\n  a\nend\n",
    ),
    Row(
        "ruby",
        "def f\n  █\nend\n",
        "if a\n    b\n  end\n\n  a\nend\n\ndef g\nend\n",
        "def f\n  if a\n    b\n  end\n\n  a\nend\n",
    ),
    Row(
        "ruby",
        "def f\n  █\n",
        "if a\n    b\n  end\n\n  a\nend\n\ndef g\nend\n",
        "def f\n  if a\n    b\n  end\n\n  a\nend\n",
    ),
    Row(
        "lua",
        "function f()\n  █\nend\n",
        "local a = 1\n\n  if a then\n    b()\n  end\n\n  return a\nend\n\nfunction g()\nend\n",
        "function f()\n  local a = 1\n\n  if a then\n    b()\n  end\n\n  return a\nend\n",
    ),
    Row(
        "shellscript",
        "f() {\n  █\n}\n",
        "local a=1\n\n  if true; then\n    b\n  fi\n\n  c\n}\n\ng() {\n}\n",
        "f() {\n  local a=1\n\n  if true; then\n    b\n  fi\n\n  c\n}\n",
    ),
    Row(
        "elixir",
        "def f do\n  █\nend\n",
        "a = 1\n\n  if a do\n    b()\n  end\n\n  a\nend\n",
        "def f do\n  a = 1\n\n  if a do\n    b()\n  end\n\n  a\nend\n",
    ),
    Row(
        "css",
        ".a {\n  █\n}\n",
        "color: red;\n\n  margin: 0;\n}\n\n.b {\n}\n",
        ".a {\n  color: red;\n\n  margin: 0;\n}\n",
    ),
    Row("yaml", "a:\n  █\n", "b: 1\n\n  c:\n    d: 2\n  e: 3\nf: 4\n", "a:\n  b: 1\n\n  c:\n    d: 2\n  e: 3\n"),
    Row(
        "html",
        "<ul>\n  █\n</ul>\n",
        "<li>a</li>\n\n  <li>b</li>\n</ul>\n<p>\n",
        "<ul>\n  <li>a</li>\n\n  <li>b</li>\n</ul>\n",
    ),
    Row(
        "html",
        "<div>\n  █\n</div>\n",
        "<ul>\n    <li>a</li>\n  </ul>\n  <p>b</p>\n</div>\n",
        "<div>\n  <ul>\n    <li>a</li>\n  </ul>\n  <p>b</p>\n</div>\n",
    ),
    Row(
        "typescript",
        "class A {\n  constructor() {\n    █\n  }\n}\n",
        "this.a = 1;\n\n    this.b = 2;\n  }\n\n  f() {\n  }\n}\n",
        "class A {\n  constructor() {\n    this.a = 1;\n\n    this.b = 2;\n  }\n}\n",
    ),
    Row(
        "sql",
        "CREATE TABLE t (\n  █\n);\n",
        "id INT,\n\n  name TEXT\n);\n\nSELECT 1;\n",
        "CREATE TABLE t (\n  id INT,\n\n  name TEXT\n);\n",
    ),
    Row("sql", "BEGIN\n  █\nEND;\n", "SELECT 1;\n\n  SELECT 2;\nEND;\n", "BEGIN\n  SELECT 1;\n\n  SELECT 2;\nEND;\n"),
    Row(
        "python",
        "class A:\n    █\n",
        "def f(self):\n        return 1\n\n    def g(self):\n        return 2\n\n\nclass B:\n",
        "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n",
    ),
    Row(
        "java",
        "class A {\n    █\n}\n",
        "int x;\n\n    void f() {\n        g();\n    }\n\n    void h() {\n    }\n}\n",
        "class A {\n    int x;\n\n    void f() {\n        g();\n    }\n\n    void h() {\n    }\n}\n",
    ),
    Row(
        "python",
        "if a:\n    █\n",
        "b()\n\n    c()\nelse:\n    d()\ne()\n",
        "if a:\n    b()\n\n    c()\nelse:\n    d()\n",
    ),
    Row(
        "python",
        "for x in y:\n    █\n\nprint(1)\n",
        "b()\n\n    c()\nprint(1)\n",
        "for x in y:\n    b()\n\n    c()\n\nprint(1)\n",
    ),
    Row(
        "python",
        'def f():\n    """Add.\n\n    More.\n    """\n    █\n',
        "a()\n\n    b()\n\n\ndef g():\n",
        'def f():\n    """Add.\n\n    More.\n    """\n    a()\n\n    b()\n',
    ),
    Row("ruby", "def f\n  # Adds.\n  █\nend\n", "a\n\n  b\nend\n\ndef g\n", "def f\n  # Adds.\n  a\n\n  b\nend\n"),
    Row(
        "csharp",
        "void F()\n{\n    // Adds.\n    █\n}\n",
        "A();\n\n    B();\n}\n",
        "void F()\n{\n    // Adds.\n    A();\n\n    B();\n}\n",
    ),
    Row(
        "lua",
        "function f()\n  -- Adds.\n  █\nend\n",
        "a()\n\n  b()\nend\n",
        "function f()\n  -- Adds.\n  a()\n\n  b()\nend\n",
    ),
    Row(
        "javascript",
        "function f() {\n  /** Adds. */\n  █\n}\n",
        "a();\n\n  b();\n}\n",
        "function f() {\n  /** Adds. */\n  a();\n\n  b();\n}\n",
    ),
    Row(
        "java",
        "class A {\n    void f() {\n        a();\n        █\n    }\n}\n",
        "b();\n\n        c();\n    }\n",
        "class A {\n    void f() {\n        a();\n        b();\n    }\n}\n",
    ),
    Row("go", "func f() {\n\ta()\n\t█\n}\n", "b()\n\n\tc()\n}\n", "func f() {\n\ta()\n\tb()\n}\n"),
    Row("python", "def f():\n    █\n    return 1\n", "a()\n\n    b()\n", "def f():\n    a()\n    return 1\n"),
    Row("python", "█\n", "a()\nb()\n\nc()\n", "a()\n", "a()\nb()\n"),
    Row("markdown", "# Title\n\n█\n", "One.\nTwo.\n\nThree.\n", "# Title\n\nOne.\n", "# Title\n\nOne.\nTwo.\n"),
]

ALLMAN = [
    Row(language, f"{head}█{end}", raw, WHOLE)
    for language, head in [
        ("csharp", "public void F()"),
        ("php", "<?php\nfunction f()"),
        ("dart", "void f()"),
        ("swift", "func f() -> Int"),
        ("c", "void f(void)"),
        ("cpp", "int f() const"),
    ]
    for raw in ("\n{\n    return;\n}", "\n{\n    if (a)\n    {\n        b();\n    }\n}")
    for end in ("\n", "")
]

# A statement goes on after the brace of its first block.
_IF, _ELSE = "\n    {\n        b();\n    }", "\n    else\n    {\n        c();\n    }"
_ELSE_IF, _CATCH = "\n    else if (d)\n    {\n        e();\n    }", "\n    catch (E e)\n    {\n        c();\n    }"
_FINALLY = "\n    finally\n    {\n        d();\n    }"
PARTS = [
    *(
        Row(
            language, "void f()\n{\n    if (a)█\n}\n", _IF + parts + more, f"void f()\n{{\n    if (a){_IF}{parts}\n}}\n"
        )
        for language in ("c", "csharp", "java", "typescript", "dart", "php", "cpp")
        for parts in ("", _ELSE, _ELSE_IF, _ELSE_IF + _ELSE)
        for more in ("\n", "\n    elsewhere();\n", "\n\n    d();\n", "\n}\n")
    ),
    *(
        Row(
            "csharp",
            "void F()\n{\n    try█\n}\n",
            f"{_IF}{parts}\n    d();\n",
            f"void F()\n{{\n    try{_IF}{parts}\n}}\n",
        )
        for parts in (_CATCH, _FINALLY, _CATCH + _FINALLY)
    ),
    Row(
        "csharp",
        "void F()\n{\n    if (a)█\n    else\n    {\n        c();\n    }\n}\n",
        _IF + "\n",
        f"void F()\n{{\n    if (a){_IF}{_ELSE}\n}}\n",
    ),
]

# The lines below belong to the cursor's line, so it alone is completed: a second body would leave them stranded.
BODY_IS_THERE = [
    Row(
        "rust",
        "for row in █\n    add(row);\n}\n",
        "0..n {\n    print(row);\n}\nmore();\n",
        "for row in 0..n {\n    add(row);\n}\n",
    ),
    Row(
        "python",
        "with █\n    return json.load(file)\n",
        'open(path, "w") as file:\n    for item in items:\n        item.save(file)\n',
        'with open(path, "w") as file:\n    return json.load(file)\n',
    ),
    Row(
        "python",
        "def f(a):\n\tif █\n\n\t\t# why\n\t\tb()\n",
        "a is None:\n\t\treturn\n\tc()\n",
        "def f(a):\n\tif a is None:\n\n\t\t# why\n\t\tb()\n",
    ),
    Row(
        "typescript",
        "const sum = (a: number, b: number) => █\n  return a + b;\n};\n",
        "{\n  return a;\n};\nconst x = 1;\n",
        "const sum = (a: number, b: number) => {\n  return a + b;\n};\n",
    ),
    Row("go", "if err != █\n\treturn err\n}\n", "nil {\n\tpanic(err)\n}\n", "if err != nil {\n\treturn err\n}\n"),
    Row("c", "call(█\n     b);\n", "a,\n     c,\n     d);\n", "call(a,\n     b);\n"),
    Row("shellscript", "if █\n  echo yes\nfi\n", "[ -f x ]; then\n  rm x\nfi\n", "if [ -f x ]; then\n  echo yes\nfi\n"),
    # A line before what is there is another matter.
    Row(
        "python",
        "for row in rows:█\n    add(row)\n",
        "\n    print(row)\n",
        SkipReason.NEXT_LINE,
        "for row in rows:\n    print(row)\n    add(row)\n",
    ),
]

ROWS = [*BODY_IS_THERE, *NEXT_LINES, *STYLE_SHEETS, *BODIES, *ALLMAN, *PARTS]
