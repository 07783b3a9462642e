"""Documents before and after a suggestion was accepted: the whole document is what a user gets.

``█`` is the cursor. ``SAME`` is the document with the model's own text at the cursor: good suggestions pass unchanged.
``NOTHING`` means that nothing is offered, and the document stays as it is.
"""

from __future__ import annotations

from typing import NamedTuple

SAME, NOTHING = "\0same", "\0nothing"


class Row(NamedTuple):
    language: str
    document: str
    raw: str
    expected: str
    invoked: bool | None = None  # None: both ways.


def _line(language: str, line: str, raw: str, expected: str, below: str = "", *, invoked: bool | None = None) -> Row:
    """Return a row about one line, with ``below`` after it."""
    after = expected if expected in {SAME, NOTHING} else f"{expected}\n{below}"
    return Row(language, f"{line}\n{below}", raw, after, invoked)


# The rest of the line is punctuation, and the suggestion runs past it.
REST = [
    _line(
        "typescript",
        "function area(█) {",
        "width: number, height: number): number {",
        "function area(width: number, height: number): number {",
        "  return width * height;\n}\n",
    ),
    _line("typescript", "function area(█) {", "a: number) {", "function area(a: number) {", "  return a;\n}\n"),
    _line("typescript", "function area(█){", "a: number) {", "function area(a: number) {", "  return a;\n}\n"),
    _line("typescript", "function area(█) {", "a: number){", "function area(a: number) {", "  return a;\n}\n"),
    _line("typescript", "function area(█) {}", "a: number): number {", "function area(a: number): number {}"),
    _line("typescript", "function area(█) {}", "a: number): number", "function area(a: number): number {}"),
    _line("typescript", "const f = (█) => {", "a: number): number => {", "const f = (a: number): number => {", "};\n"),
    _line("typescript", "const f = (█) => {", "a, b) => {", "const f = (a, b) => {", "};\n"),
    _line("typescript", "const f = (█) => {};", "a, b) => {", "const f = (a, b) => {};"),
    _line("typescript", "items.map((█) => {", "item) => item.id)", "items.map((item) => {", "});\n"),
    _line("typescript", "class A {\n  f(█) {", "a: string): void {", "class A {\n  f(a: string): void {", "  }\n}\n"),
    _line("javascript", "if (█) {", "a > 1) {", "if (a > 1) {", "  b();\n}\n"),
    _line("javascript", "if (█) {", "f(a) && g(b)) {", "if (f(a) && g(b)) {", "  b();\n}\n"),
    _line("javascript", 'if (x === "█") {', 'a" && y) {', 'if (x === "a" && y) {', "  b();\n}\n"),
    _line("javascript", "if (█) {", "a) { return b; }", "if (a) {", "  b();\n}\n"),
    _line("javascript", "foo(█);", "a, b); // both", "foo(a, b); // both"),
    _line("javascript", "foo(bar(█));", "a), b);", "foo(bar(a), b);"),
    _line("javascript", "foo(bar(█), c);", "a), c);", "foo(bar(a), c);"),
    _line("javascript", "foo(bar(█), c);", "a));", "foo(bar(a), c);"),
    _line("javascript", "for (█) {", "const a of b) {", "for (const a of b) {", "  c(a);\n}\n"),
    _line("javascript", "foo([█]);", "1, 2], 3);", "foo([1, 2], 3);"),
    _line("javascript", "foo({█});", " a: 1 }, b);", "foo({ a: 1 }, b);"),
    _line("javascript", "const a = `${█}`;", "b} and ${c}`;", "const a = `${b} and ${c}`;"),
    _line("javascriptreact", "return <A b={█} />;", "c} />;", "return <A b={c} />;"),
    _line("python", "def f(█):", "a, b):", "def f(a, b):", "    pass\n"),
    _line("python", "def f(█):", "a: int, b: int) -> int:", "def f(a: int, b: int) -> int:", "    pass\n"),
    _line("python", "def f(█) :", "a, b):", "def f(a, b) :", "    pass\n"),
    _line("python", "class A(█):", "B):", "class A(B):", "    pass\n"),
    _line("python", "with open(█):", "path) as file:", "with open(path) as file:", "    pass\n"),
    _line("python", "x = f(g(█))", "a), b)", "x = f(g(a), b)"),
    _line("python", "print(█)", "a)  # why", "print(a)  # why"),
    _line("python", 'print("█")', 'a", end="")', 'print("a", end="")'),
    _line("python", 'print(f"{█}")', 'name}")', 'print(f"{name}")'),
    _line("python", "x = a[█]", "1:2]", "x = a[1:2]"),
    _line("python", "x = {█}", '"a": 1, "b": [2]}', 'x = {"a": 1, "b": [2]}'),
    _line("go", "func area(█) {", "w, h int) int {", "func area(w, h int) int {", "\treturn w * h\n}\n"),
    _line("go", "func (s *S) area(█) {", "w int) (int, error) {", "func (s *S) area(w int) (int, error) {", "}\n"),
    _line("go", "func area(█) {", "w, h int) {", "func area(w, h int) {", "}\n"),
    _line("go", "x := f(█)", "a, g(b))", "x := f(a, g(b))"),
    _line("rust", "fn area(█) {", "w: u32, h: u32) -> u32 {", "fn area(w: u32, h: u32) -> u32 {", "    w * h\n}\n"),
    _line("rust", "fn area(█) {}", "w: &str) -> Vec<u8> {", "fn area(w: &str) -> Vec<u8> {}"),
    _line("rust", "fn f<'a>(█) {", "x: &'a str) -> &'a str {", "fn f<'a>(x: &'a str) -> &'a str {", "    x\n}\n"),
    _line(
        "java",
        "    void area(█) {",
        "int w) throws IOException {",
        "    void area(int w) throws IOException {",
        "    }\n",
    ),
    _line("java", "    void area(█) {", "int w){", "    void area(int w) {", "    }\n"),
    _line("java", 'System.out.println("█");', 'a" + b);', 'System.out.println("a" + b);'),
    _line("c", "int area(█) {", "int w, int h) {", "int area(int w, int h) {", "  return w * h;\n}\n"),
    _line("c", "if (█) {", "a && (b || c)) {", "if (a && (b || c)) {", "  d();\n}\n"),
    _line("cpp", "auto f(█) {", "int a) -> int {", "auto f(int a) -> int {", "  return a;\n}\n"),
    _line("cpp", "auto f = [█]() {", "&a](int b) {", "auto f = [&a](int b) {", "};\n"),
    _line("cpp", "int f(█) {", "int a) const {", "int f(int a) const {", "}\n"),
    _line("csharp", "void F(█) {", "int a, int b) {", "void F(int a, int b) {", "}\n"),
    _line("kotlin", "fun f(█) {", "a: Int): Int {", "fun f(a: Int): Int {", "    return a\n}\n"),
    _line("swift", "func f(█) {", "a: Int) -> Int {", "func f(a: Int) -> Int {", "    return a\n}\n"),
    _line("php", "function f(█) {", "int $a): int {", "function f(int $a): int {", "    return $a;\n}\n"),
    _line("lua", "foo(█)", "a, b) -- both", "foo(a, b) -- both"),
    _line("lua", "local t = {█}", "1, 2}", "local t = {1, 2}"),
    _line("shellscript", 'x="$(█)"', 'date +%s)"', 'x="$(date +%s)"'),
    _line("shellscript", 'if [ "█" ]; then', '$a" = b ]; then', 'if [ "$a" = b ]; then', "  run\nfi\n"),
    _line("css", "a { color: █; }", "red; }", "a { color: red; }"),
    _line("css", ".a { width: calc(█); }", "1px + 2px); }", ".a { width: calc(1px + 2px); }"),
    _line("json", '{"a": [█]}', '1, 2], "b": 3}', '{"a": [1, 2], "b": 3}'),
    _line("json", '{"a": "█"}', 'x", "b": "y"}', '{"a": "x", "b": "y"}'),
    _line("sql", "SELECT count(█);", "*) FROM users;", "SELECT count(*) FROM users;"),
    _line("sql", "INSERT INTO a VALUES (█);", "1, 'b');", "INSERT INTO a VALUES (1, 'b');"),
    # What fits passes.
    _line("typescript", "function area(█) {", "width: number", SAME, "}\n"),
    _line("typescript", "foo(█);", "() => { bar(); }", SAME),
    _line("javascript", "items.map(█);", "a => (a ? [1] : {})", SAME),
    _line("javascript", "if (█) {", "(a || b) && c", SAME, "}\n"),
    _line("javascript", "foo(█);", "a)(b", SAME),
    _line("python", "x = f(█)", "a)(b", SAME),
    _line("python", "x = a[█]", "0][1", SAME),
    _line("python", "def f(█):", "a, *, b=(1, 2), c={}", SAME, "    pass\n"),
    _line("go", "func f(█) {", "a func(int) (int, error), b map[string][]int", SAME, "}\n"),
    _line("rust", "fn f(█) {", "a: impl Fn(u8) -> u8, b: [u8; 3]", SAME, "}\n"),
    _line("java", "if (█) {", 'a.equals(")")', SAME, "}\n"),
    _line("c", "while (█) {", "(c = getchar()) != EOF && c != ')'", SAME, "}\n"),
    _line("css", "a { width: █; }", "calc(1px + (2px * 3))", SAME),
    _line("json", '{"a": [█]}', '{"b": [1]}, {"c": "]"}', SAME),
    _line("python", "# see (█)", "the page", SAME),
    _line("markdown", "A [link](█).", "https://example.org/a_(b)", SAME),
]

# Closers of two and more characters.
DELIMITERS = [
    _line("javascript", "/** █ */", "Adds two numbers. */", "/** Adds two numbers. */", "function f() {}\n"),
    _line("javascript", "/**█ */", " Adds two numbers. */", "/** Adds two numbers. */", "function f() {}\n"),
    _line("javascript", "/* █*/", "Adds. */", "/* Adds. */", "f();\n"),
    _line("javascript", "f(a /* █ */, b);", "first */", "f(a /* first */, b);"),
    _line("c", "/* █ */", "Adds. */ int x;", "/* Adds. */", "int x;\n"),
    Row("javascript", "/**\n * █\n */\nf();\n", "Adds.\n */", "/**\n * Adds.\n */\nf();\n"),
    Row("javascript", "/**\n * █\n */\nf();\n", "Adds. */", "/**\n * Adds.\n */\nf();\n"),
    Row(
        "java",
        "    /**\n     * █\n     */\n    int x;\n",
        "Adds.\n     **/",
        "    /**\n     * Adds.\n     */\n    int x;\n",
    ),
    Row("css", "/*\n  █\n*/\na {}\n", "Reset */", "/*\n  Reset\n*/\na {}\n"),
    Row("html", "<!--\n  █\n-->\n", "Menu -->", "<!--\n  Menu\n-->\n"),
    Row("html", "<!--\n  █\n-->\n", "Menu\n-->", "<!--\n  Menu\n-->\n", True),
    _line("html", "<!-- █ -->", "Menu -->", "<!-- Menu -->"),
    _line("html", "<!--█-->", " Menu -->", "<!-- Menu -->"),
    _line("html", "<br█/>", ' class="a" />', '<br class="a" />'),
    _line("html", "<img █ />", 'src="a.png" />', '<img src="a.png" />'),
    _line("typescriptreact", "return <A █ />;", "b={() => c(d > 1)} />;", "return <A b={() => c(d > 1)} />;"),
    _line("javascriptreact", "    <A b={c} █/>", "d />", "    <A b={c} d />"),
    _line("xml", "<?xml █?>", 'version="1.0"?>', '<?xml version="1.0"?>'),
    _line("php", "<p><?= █ ?></p>", "$name ?></p>", "<p><?= $name ?></p>"),
    _line("php", "<?php █ ?>", "echo $a; ?>", "<?php echo $a; ?>"),
    _line("html", "{{ █ }}", "user.name }}", "{{ user.name }}"),
    _line("jinja", "{{ █ }}", "user.name }} of {{ team }}", "{{ user.name }} of {{ team }}"),
    _line("jinja", "{% █ %}", "if user %}", "{% if user %}"),
    _line("jinja-html", "<p>{% █ -%}</p>", "if user %}", "<p>{% if user -%}</p>"),
    _line("jinja", "{# █ #}", "a note #}", "{# a note #}"),
    _line("html", "{% █%}", "include 'a' %}", "{% include 'a' %}"),
    _line("erb", "<% █ %>", "if user %>", "<% if user %>"),
    _line("erb", "<p><%= █ %></p>", "user.name %></p>", "<p><%= user.name %></p>"),
    _line("blade", "{{-- █ --}}", "a note --}}", "{{-- a note --}}"),
    _line("blade", "{!! █ !!}", "$html !!}", "{!! $html !!}"),
    _line("haskell", "{- █ -}", "a note -}", "{- a note -}"),
    _line("ocaml", "(* █ *)", "a note *)", "(* a note *)"),
    _line("fsharp", "let a = [| █ |]", "1; 2 |]", "let a = [| 1; 2 |]"),
    _line("lua", "--[[ █ ]]", "a note ]]", "--[[ a note ]]"),
    _line("lua", "local s = [[█]]", "text]]", "local s = [[text]]"),
    _line("shellscript", "if [[ █ ]]; then", "-n $a ]]; then", "if [[ -n $a ]]; then", "  run\nfi\n"),
    _line("powershell", "<# █ #>", "a note #>", "<# a note #>"),
    _line("python", '"""█"""', 'Adds."""', '"""Adds."""'),
    _line("python", "x = '''█'''", "text'''", "x = '''text'''"),
    Row(
        "python",
        'def f():\n    """\n    █\n    """\n',
        'Adds.\n    """',
        'def f():\n    """\n    Adds.\n    """\n',
        True,
    ),
    Row("python", 'def f():\n    """\n    █\n    """\n', 'Adds."""', 'def f():\n    """\n    Adds.\n    """\n'),
    Row("markdown", "```\n█\n```\n", "make test\n```", "```\nmake test\n```\n", True),
    _line("markdown", "`` █ ``", "a ``", "`` a ``"),
    _line("xml", "<a><![CDATA[█]]></a>", "x < 1]]></a>", "<a><![CDATA[x < 1]]></a>"),
    # What fits passes.
    _line("javascript", "/* █", "Adds. */", SAME, "f(); /* b */\n"),
    Row("java", "/**\n * █\nint x; /* b */\n", "Adds. */", SAME),
    _line("html", "<!-- █", "Menu -->", SAME),
    _line("html", "<p>█</p>", "a <br/> b", SAME),
    _line("typescriptreact", "return <A b={█} />;", "<B />", SAME),
    _line("jinja", "<p>█</p>", "{{ user.name }}", SAME),
    _line("python", "x = [[1, 2], █]", "[3, 4]", SAME),
    _line("python", "x = [[1, 2], █]", "[3, 4]", SAME),
    _line("python", "x = {'a': {█}}", "'b': {}", SAME),
    _line("c", "x = a █ b;", "* c /", SAME),
    _line("javascript", "const re = /█/;", "a*", SAME),
    _line("javascript", "const files = '█';", "src/**/*.ts", SAME),
    Row("markdown", "```\n█\n", "make test\n```", SAME, True),
    _line("php", "<?php █", "echo 1; ?>", SAME),
]

# A closer that differs from the one below only in what follows it.
CLOSERS = [
    Row(
        "javascript", "const sizes = [\n  █\n];\n", "1,\n  2,\n  3,\n]", "const sizes = [\n  1,\n  2,\n  3,\n];\n", True
    ),
    Row(
        "typescript",
        "const a = {\n  b: {\n    █\n  },\n};\n",
        "c: 1,\n  }",
        "const a = {\n  b: {\n    c: 1,\n  },\n};\n",
    ),
    Row("javascript", "it('a', () => {\n  █\n});\n", "b();\n})", "it('a', () => {\n  b();\n});\n"),
    Row("javascript", "it('a', () => {\n  █\n});\n", "b();\n}", "it('a', () => {\n  b();\n});\n"),
    Row("javascript", "it('a', () => {\n  █\n})\n", "b();\n});", "it('a', () => {\n  b();\n})\n"),
    Row("javascript", "if (a) {\n  █\n} else {\n  c();\n}\n", "b();\n}", "if (a) {\n  b();\n} else {\n  c();\n}\n"),
    Row("javascript", "do {\n  █\n} while (a);\n", "b();\n}", "do {\n  b();\n} while (a);\n"),
    Row("typescript", "const a = [\n  █\n] as const;\n", "1,\n]", "const a = [\n  1,\n] as const;\n", True),
    Row("javascript", "foo(\n  █\n);\n", "a,\n  b\n)", "foo(\n  a,\n  b\n);\n", True),
    Row("javascript", "foo(() => {\n  █\n}, b);\n", "a();\n});", "foo(() => {\n  a();\n}, b);\n"),
    Row("python", "def f(\n    █\n):\n    pass\n", "a,\n    b,\n)", "def f(\n    a,\n    b,\n):\n    pass\n", True),
    Row("python", "x = [\n    █\n]\n", "1,\n    2,\n],", "x = [\n    1,\n    2,\n]\n", True),
    Row(
        "python", "f(\n    {\n        █\n    },\n)\n", '"a": 1,\n    }', 'f(\n    {\n        "a": 1,\n    },\n)\n', True
    ),
    Row("go", "go func() {\n\t█\n}()\n", "f()\n}", "go func() {\n\tf()\n}()\n"),
    Row("go", "x := []int{\n\t█\n}\n", "1,\n\t2,\n},", "x := []int{\n\t1,\n\t2,\n}\n", True),
    Row("rust", "let a = A {\n    █\n};\n", "b: 1,\n}", "let a = A {\n    b: 1,\n};\n", True),
    Row(
        "rust",
        "match a {\n    B => {\n        █\n    },\n}\n",
        "c();\n    }",
        "match a {\n    B => {\n        c();\n    },\n}\n",
    ),
    Row("java", "a(new B() {\n    █\n});\n", "int c;\n}", "a(new B() {\n    int c;\n});\n"),
    Row("c", "struct a {\n  █\n};\n", "int b;\n}", "struct a {\n  int b;\n};\n"),
    Row("c", "int a[] = {\n  █\n};\n", "1,\n  2,\n}", "int a[] = {\n  1,\n  2,\n};\n", True),
    Row("cpp", "struct a {\n  █\n} b;\n", "int c;\n};", "struct a {\n  int c;\n} b;\n"),
    Row(
        "json", '{\n  "a": {\n    █\n  },\n  "b": 1\n}\n', '"c": 1\n  }', '{\n  "a": {\n    "c": 1\n  },\n  "b": 1\n}\n'
    ),
    Row(
        "json",
        '{\n  "a": [\n    █\n  ],\n  "b": 1\n}\n',
        "1,\n    2\n  ]",
        '{\n  "a": [\n    1,\n    2\n  ],\n  "b": 1\n}\n',
        True,
    ),
    Row("lua", "foo(function()\n  █\nend)\n", "bar()\nend", "foo(function()\n  bar()\nend)\n"),
    Row(
        "lua",
        "local t = {\n  a = function()\n    █\n  end,\n}\n",
        "b()\n  end",
        "local t = {\n  a = function()\n    b()\n  end,\n}\n",
    ),
    Row("ruby", "a = b.map do |c|\n  █\nend.join\n", "c.d\nend", "a = b.map do |c|\n  c.d\nend.join\n"),
    Row("shellscript", "while read -r a; do\n  █\ndone < b\n", "run\ndone", "while read -r a; do\n  run\ndone < b\n"),
    Row(
        "sql",
        "CREATE TABLE a (\n  █\n);\n",
        "id INT,\n  name TEXT\n)",
        "CREATE TABLE a (\n  id INT,\n  name TEXT\n);\n",
        True,
    ),
    Row(
        "javascriptreact",
        "return (\n  <div>\n    █\n  </div>);\n",
        "<p>a</p>\n  </div>",
        "return (\n  <div>\n    <p>a</p>\n  </div>);\n",
        True,
    ),
    Row("php", "$a = [\n    █\n];\n", "1,\n    2,\n]", "$a = [\n    1,\n    2,\n];\n", True),
    # What fits passes.
    Row("javascript", "if (a) {\n  █\n}\n", "b();\n} else {\n  c();", SAME, True),
    Row("javascript", "function f() {\n  if (a) {\n    █\n}\n", "b();\n  }", SAME),
    Row("javascript", "const sizes = [\n  █\n", "1,\n  2,\n]", SAME, True),
    Row("javascript", "foo(a, [\n  █\n);\n", "1,\n]", SAME, True),
    Row("javascript", "foo({\n  a: {\n    █\n});\n", "b: 1,\n  },", SAME, True),
    Row("go", "x := [][]int{\n\t{1},\n\t█\n}\n", "{2},\n\t{3},", SAME, True),
    Row("lua", "local function a()\n  if b then\n    █\nend\n", "c()\n  end", SAME),
    Row("c", "namespace a {\nnamespace b {\nint x;\n█\n}\n", "}", SAME),
    Row("cpp", "void f() {\n  for (;;) {\n    █\n}\n", "g();\n  }", SAME),
]

# The first blank of the suggestion, which the line has already.
BLANKS = [
    _line("python", "return █", " total", "return total"),
    _line("python", "x = █", " 1", "x = 1"),
    _line("python", "if █", " a:", "if a:"),
    _line("python", "if a █", " == b:", "if a == b:"),
    _line("python", "from os █", " import path", "from os import path"),
    _line("python", "def f(a: █", " int):", "def f(a: int):"),
    _line("python", "x = {'a': █}", " 1", "x = {'a': 1}"),
    _line("python", "f(a, █)", " b", "f(a, b)"),
    _line("python", "x = [a for █]", " a in b", "x = [a for a in b]"),
    _line("python", "# a █", " note", "# a note"),
    _line("python", 'x = "a █"', ' b"', 'x = "a b"'),
    _line("python", "return █", ' "a"', 'return "a"'),
    _line("python", "return █", " (a, b)", "return (a, b)"),
    _line("javascript", "const █", " a = 1;", "const a = 1;"),
    _line("javascript", "return █;", " total", "return total;"),
    _line("javascript", "if (a) █", " {", "if (a) {", invoked=True),
    _line("javascript", "const a = { █", " b: 1 };", "const a = { b: 1 };"),
    _line("typescript", "let a: █", " string;", "let a: string;"),
    _line("go", "x := █", " f()", "x := f()"),
    _line("rust", "let a: █", " u8 = 1;", "let a: u8 = 1;"),
    _line("java", "int a = █", " 1;", "int a = 1;"),
    _line("c", "return █", " 0;", "return 0;"),
    _line("c", "#define █", " A 1", "#define A 1"),
    _line("css", "a { color: █; }", " red", "a { color: red; }"),
    Row("css", "a {\n  color: █\n}\n", " red;", "a {\n  color: red;\n}\n"),
    Row("json", '{\n  "a": █\n}\n', " 1", '{\n  "a": 1\n}\n'),
    Row("json", '{\n  "bc": 2,\n  "a": █\n}\n', " 1", '{\n  "bc": 2,\n  "a": 1\n}\n'),
    Row("json", '{\n  "a": █\n}\n', " [1, 2]", '{\n  "a": [1, 2]\n}\n'),
    _line("sql", "SELECT █", " name FROM a;", "SELECT name FROM a;"),
    _line("sql", "SELECT a FROM █", " b WHERE c = 1;", "SELECT a FROM b WHERE c = 1;"),
    _line("yaml", "a: █", " 1", "a: 1"),
    _line("yaml", "- █", " a", "- a"),
    Row("yaml", "- █\n", " name: a\n   value: b", "- name: a\n  value: b\n", True),
    _line("php", "$a = █", " 1;", "$a = 1;"),
    _line("jinja", "{{ █ }}", " user.name", "{{ user.name }}"),
    _line("lua", "local █", " a = 1", "local a = 1"),
    _line("shellscript", "echo █", ' "a"', 'echo "a"'),
    _line("html", "<a █>", ' href="b"', '<a href="b">'),
    _line("markdown", "Some █", " text", "Some text"),
    _line("markdown", "- █", " an entry", "- an entry"),
    _line("markdown", "# █", " Title", "# Title"),
    _line("makefile", "CC = █", " gcc", "CC = gcc"),
    _line("html", "a {{ b }} █ {{ d }}", "c ", "a {{ b }} c {{ d }}"),
    # What fits passes.
    _line("python", "x = 1 █", " # one", SAME),
    _line("python", "x = 1█", "  # one", SAME),
    _line("python", "return█", " total", SAME),
    Row("go", "type A struct {\n\tName string\n\tAge █\n}\n", " int", SAME),
    Row("python", "abc  = 1\nde   = 2\nfgh █\n", " = 3", SAME),
    Row("c", "#define ABC  1\n#define DE   2\n#define FGH █\n", " 3", SAME),
    Row("yaml", "ab:   1\ncde:  2\nfgh: █\n", " 3", SAME),
    Row("python", 'x = """\na  b\nc █\n"""\n', " d", SAME),
    Row("markdown", "One thing.  Another.  A third. █\n", " The last.", SAME),
    Row("markdown", "One thing. █\n\nAnother.  A third.\n", " The last.", SAME),
    Row("markdown", "One thing. █\n\nAnother. A third.\n", " The last.", "One thing. The last.\n\nAnother. A third.\n"),
    Row("markdown", "| a   | b |\n| --- | - |\n| c █\n", "  | d |", SAME),
    Row("c", "#define A(x)  \\\n  f(x); █\n", " \\", SAME),
    _line("makefile", "all:\t█", " a", SAME),
    Row("python", "def f():\n    █\n", "return 1", SAME),
    Row("yaml", "a:\n  █\n", "b: 1", SAME),
]

# A copy of the line below, of which the rest has the end already.
COPIES = [
    Row("javascript", "a();\n█;\ncloseAll();\n", "closeAll()", NOTHING),
    Row("java", "  a();\n  █;\n  closeAll();\n", "closeAll();", NOTHING),
    Row("c", "  a();\n  clo█);\n  close_all(b);\n", "se_all(b", NOTHING),
    Row("javascript", "console.log(█);\nconsole.log(total);\n", "total", NOTHING),
    Row("rust", "    let total = █;\n    let total = sum(a);\n", "sum(a)", NOTHING),
    Row("javascript", "console.log(█);\nconsole.log(total);\n", "name", SAME),
    Row("javascript", "a();\n█;\n  closeAll();\n", "closeAll()", SAME),
    Row("javascript", "x = [\n  f(█),\n  f(0),\n];\n", "0", SAME),
]

# In real code one line in two hundred is like the one three above it, so no rule cuts it.
COPIES += [
    Row("python", "def f():\n    log.info('a')\n    b()\n    c()\n    █\n", "log.info('a')", SAME),
    Row("c", "void f(void) {\n  x = read(a);\n  b(x);\n  c(x);\n  █\n}\n", "x = read(a);", SAME),
]

# Good suggestions that a rule above could take for something else.
GOOD = [
    # Entries of a list that are alike.
    _line("c", "int f(█ PyObject *,", "PyObject*,", SAME, "      PyObject *, PyObject *);\n"),
    _line("c", "█ PyObject *,", "int f(PyObject*,", SAME, "      PyObject *, PyObject *);\n"),
    _line("c", "int f(█ int count,", "int count,", NOTHING, "      char *, char *);\n"),
    _line("c", "int f(█ PyObject *, int, int,", "PyObject *,", SAME, "      int);\n"),
    _line("cpp", "void█ char *, int);", " f(char *,", SAME),
    # The end of a case, which is of two semicolons.
    _line("shellscript", "  case █; esac", '"$a" in "" | *"$b"*) continue ;', SAME),
    _line("shellscript", "  case $a in█; esac", " b) continue ;", SAME),
    _line("shellscript", "f█; g", " a ;", "f a ; g"),
    _line("shellscript", "  b) █;;", "echo foo;", "  b) echo foo;;"),
    _line("shellscript", "  b) █;;", "echo foo;;", "  b) echo foo;;"),
    Row("shellscript", "# in case it fails\nfoo █; bar\n", "-x;", "# in case it fails\nfoo -x; bar\n"),
    Row("shellscript", "case $a in\n  b)\n    if █; then\n", "[ -f x ];", "case $a in\n  b)\n    if [ -f x ]; then\n"),
    _line("markdown", "Some **█bold**, and more", "very bold**, ", "Some **very bold**, and more"),
    _line("go", "\t█10,", "10,", NOTHING, "\t10,\n"),
    # A word that the next one begins with.
    _line("c", "#define █ create_traced", "create", SAME),
    _line("c", "#define █ create", "create", NOTHING),
    _line("python", "    0, 0,█ 0,", " 0,", SAME, "    0, 0, 0)\n"),
    _line("javascript", "foo(█", "a, b);", SAME),
    _line("javascript", "foo(bar(█)", "a)", SAME),
    _line("javascript", "foo(█, b);", "() => { a(); }", SAME),
    _line("javascript", "const { a, █ } = b;", "c: { d }", SAME),
    _line("javascript", "a = b ? [█] : [];", "c, ...d", SAME),
    _line("javascript", "const a = '█';", "it is (not) here", SAME),
    _line("javascript", "const re = /█/;", "\\)+[(]", SAME),
    _line("javascript", "x = a /█ b;", " c *", SAME),
    _line("javascript", "for (█; i < n; i++) {", "let i = 0", SAME, "}\n"),
    _line("javascript", "a(); █", "// then", SAME),
    _line("javascript", "const a = `${█}`;", "b.map((c) => `${c}`)", SAME),
    _line("typescript", "let a: Map<█>;", "string, Array<[number, string]>", SAME),
    _line("typescript", "const f = (█) => {", "{ a, b }: { a: string; b: number[] }", SAME, "};\n"),
    _line("typescript", "function f<T>(█): T {", "a: (b: T) => T", SAME, "}\n"),
    _line("typescriptreact", "<A b={█}>", "(c) => <D e={c} />", SAME),
    _line("javascriptreact", "<p>█</p>", "{a > b && <b>{c}</b>}", SAME),
    _line("python", "f(█)", "*a, **{'b': (1, 2)}", SAME),
    _line("python", "x = [█]", "a for a in b if (c, d) in e", SAME),
    _line("python", "x = a[█]", "b[0]:, ::2", SAME),
    _line("python", "print(f'{█}')", 'a["b"]', SAME),
    _line("python", "x = {█}", "**a, 'b': {'c': []}", SAME),
    _line("python", "if (█):", "a and (b or c)", SAME, "    pass\n"),
    _line("python", "x = a █", "if b else c", SAME),
    _line("python", "s = '█'", "a  b", SAME),
    _line("python", 's = "█"', "'quoted' (once)", SAME),
    _line("python", "# a list: █", "a) one, b) two", SAME),
    Row("python", "f(\n    █\n)\n", "[a for a in b],", SAME),
    Row("python", "x = [\n    [1],\n    █\n]\n", "[2],", SAME),
    Row("python", 'x = """\n█\n"""\n', "a ) b ] c }", SAME),
    Row("python", "def f():\n    x = (\n        1\n    █\n", ")", SAME),
    Row("javascript", "foo(() => {\n  a(() => {\n    b();\n  █\n});\n", "});", SAME),
    Row("javascript", "switch (a) {\n  case 1: {\n    b();\n  █\n}\n", "}", SAME),
    Row("javascript", "const a = {\n  b() {\n    █\n  },\n};\n", "if (c) { return; }", SAME),
    Row("go", "func f() {\n\tgo func() {\n\t\tg()\n\t█\n}\n", "}()", SAME),
    Row("go", "x := A{\n\tB: 1,\n\t█\n}\n", "C: []int{1, 2},", SAME),
    _line("go", "if err := f(█); err != nil {", 'map[string]int{"a": 1}', SAME, "}\n"),
    _line("go", "func (s *S) f(█) error {", "ctx context.Context, a ...int", SAME, "}\n"),
    _line("rust", "let a = vec![█];", "(1, 'a'), (2, 'b')", SAME),
    _line("rust", 'println!("█");', "{a:?} {{b}}", SAME),
    _line("rust", "let f = |a: &█| a;", "'static str", SAME),
    Row("rust", "match a {\n    B => {\n        c();\n    █\n}\n", "}", SAME),
    _line("java", "for (█) {", "Map.Entry<String, List<Integer>> a : b.entrySet()", SAME, "}\n"),
    _line("c", "f(█);", "&(struct a){ .b = 1 }, c[d]", SAME),
    _line("c", "#define A(b) (█)", "(b) * (b)", SAME),
    _line("c", "char a = '█';", "(", SAME),
    _line("cpp", "std::map<█> a;", "int, std::vector<std::pair<int, int>>", SAME),
    _line("css", "a { background: █; }", "url(a.png) no-repeat", SAME),
    Row("css", "a {\n  b: c;\n  █\n}\n", "color: rgb(0, 0, 0);", SAME),
    _line("html", '<a href="█">b</a>', "javascript:f('a')", SAME),
    Row("html", "<ul>\n  █\n</ul>\n", "<li>a</li>", SAME),
    _line("json", '{"a": "█"}', "b, {c} [d", SAME),
    _line("yaml", "a: [█]", "b, {c: d}", SAME),
    _line("sql", "SELECT a FROM b WHERE c IN (█);", "SELECT d FROM (SELECT 1) e", SAME),
    _line("php", "foreach ($a as █) {", "$b => [$c, $d]", SAME, "}\n"),
    _line("jinja", "{{ █ }}", "a | default({}) | join(', ')", SAME),
    _line("lua", "print(█)", "a[b[1]], [[c]]", SAME),
    Row("lua", "f(function()\n  if a then\n    b()\n  █\nend)\n", "end", SAME),
    _line("shellscript", 'echo "$(█)"', "cat a | tr '(' ')'", SAME),
    Row("shellscript", "case $a in\n  █\nesac\n", "b) c ;;", SAME),
    _line("markdown", "Some (█) text.", "more or less (less)", SAME),
    # The text begins inside a string of the cursor's line, whose quote is above.
    Row("json", '{\n  "inc█\n}\n', 'lude": ["src"]', SAME),
    Row("json", '{\n  "a": 1,\n  "█\n}\n', 'b": ["c", "d"]', SAME),
    Row("lua", "local a = {}\na.b = ('see :hel█\n", "p a.'):format(table.concat(b, '; '), c)", SAME),
    Row("python", "a = f('█\n", "b', [c], d['e'])", SAME),
    Row("javascript", "a = f('█\n", "b', [c], d['e'])", SAME),
    Row("latex", "\\begin{a}\n  █\n\\end{a}\n", "\\b{c}", SAME),
]

# Punctuation and quotes that mean nothing to the code around the cursor.
_FAR = "".join(
    f"  /** Number {number}. */\n  m{number}(): number {{\n    return {number};\n  }}\n\n" for number in range(200)
)
_LONG_DOC = '"""\n' + "Words about it.\n" * 1000 + '"""\n'
_NO_FENCE = "a = f(\n    r\"(x|'''|y)\"\n)\n"
_CALLS = "c()\n" * 1000
_TWO_PARAMETERS = "function f(a: number, b: string): void {"
INERT = [
    # A ruler is no operator, however much of it stands on each side of the cursor.
    _line("c", "/* Sequence ======█======== */", "=====", SAME, "int x;\n"),
    _line("c", "/* === Vectorcall █===== */", "protocol ====", SAME, "int x;\n"),
    _line("python", "# ----█----------", "---", SAME),
    _line("rust", "// ****█**********", "**", SAME),
    _line("javascript", "if (a █=== b) {", "===", NOTHING, "}\n"),
    _line("javascript", "if (a █&& b) {", "&& c &&", "if (a && c && b) {", "}\n"),
    # Quotes inside other strings, comments and regular expressions.
    _line("typescript", "say(`${a} ${█`, b.join('\\n'));", 'c}"\\n${d}', SAME),
    _line("javascript", "match(a, █```\\nx = ```\\ny\\n```/);", "/`", SAME),
    _line(
        "python",
        'x = b\'POST█1\\r\\n{"a": "b\'',
        ' /v1/a HTTP/1.1\\r\\n{"a": "b\'',
        'x = b\'POST /v1/a HTTP/1.1\\r\\n{"a": "b\'',
        invoked=True,
    ),
    Row("c", "/* Bits up to\n   BASE*BASE-1█' is an unsigned type.\n*/\n", ".  It assumes that 'digit", SAME),
    _line("lua", "error(('%s --version failed: █))", "%s'):format(path, trim(version.stderr or '')", SAME),
    _line("lua", "a(b) -- see (█)", "the page", SAME),
    # What the rest closes inside a comment of the suggestion.
    Row("python", 'x = [\n    row["a"█]\n    b,\n]\n', "] == t,  # type: ignore[misc", SAME),
    _line("python", "print(█)", "a)  # (both", SAME),
    _line("javascript", "foo(█);", "a); // [b", "foo(a); // [b"),
    # The rest closes what the suggestion opens last.
    _line("html", "<button█>", ">baz</button", SAME),
    _line("rust", "fn f(a: Vec<█>) {}", "u8>, b: Vec<u8", SAME),
    _line("rust", "fn f(a: Vec<█>) {}", "u8>, b: u8", "fn f(a: Vec<u8>) {}"),
    _line("rust", "fn f(a: Box<dyn A<█> {", "B, C>", SAME, "}\n"),
    _line("rust", "fn f() -> Poll<Result<(), Self█> {", "::Error>", SAME, "}\n"),
    _line("python", "x = close(cat(a).view(4█, atol=1)", ", -1), each(b)", SAME),
    _line("rust", "/// fn f(Query(█: Query) {", "query)", SAME, "fn g() {}\n"),
    # A string of several lines, of which another string contains the delimiter; brackets that are text.
    Row("python", 'def f():\n    """Return it█\n    return \'"""\', 1\n', ' all."""', SAME),
    Row(
        "python",
        'def f():\n    """Return it█"""\n    return \'"""\', 1\n',
        ' all."""',
        'def f():\n    """Return it all."""\n    return \'"""\', 1\n',
    ),
    Row("rust", 'let a = "(b|c):(d|█\n    e";\nf();\n', "g):(h) \\", SAME),
    # A colon and the like after a closer that is repeated; a part that the next line begins.
    Row("python", "if (\n    █\n):\n    b()\n", "a\n):", "if (\n    a\n):\n    b()\n"),
    Row("python", "x = f(\n    █\n)\n", "a\n);", "x = f(\n    a\n)\n"),
    Row(
        "go",
        "for a := range []struct {\n\t█\n}{\n\t{1},\n} {\n}\n",
        "b int\n}{",
        "for a := range []struct {\n\tb int\n}{\n\t{1},\n} {\n}\n",
        True,
    ),
    Row("python", "if a:\n    █\nelse:\n    c()\n", "b()\nelse:", "if a:\n    b()\nelse:\n    c()\n"),
    Row(
        "go",
        "switch a {\ncase 1:\n\tif b {█\n\t}\ncase 2:\n\tc()\n}\n",
        "\n\t\td()\n\t}",
        "switch a {\ncase 1:\n\tif b {\n\t\td()\n\t}\ncase 2:\n\tc()\n}\n",
    ),
    _line(
        "javascript",
        'x = typeof a === "b█= 1 && !/[`(]/.test(a);',
        '" ? 1 <= 1 && !/[`(]/.test(a);',
        'x = typeof a === "b" ? 1 <= 1 && !/[`(]/.test(a);',
        invoked=True,
    ),
    _line("javascript", "f(a.replace(/[(]/g█);", ', ""), b', SAME),
    Row("rust", 'vec![\n    "a",\n    "█\n    "b",\n]\n', 'test $foo test",', SAME),
    Row("rust", 'let a = "b█\n";\n', ' c";', 'let a = "b c\n";\n'),
    Row("go", "func f() {\n\ttester.█InitServer(`\n\ta\n`)\n}\n", "InitServer(`", NOTHING),
    _line(
        "typescript", 'a = f(B, ["-m", "█", ...c], {', 'd.e", ...', 'a = f(B, ["-m", "d.e", ...c], {', "  g: 1,\n});\n"
    ),
    Row(
        "c",
        "struct a {\n    /* Both 'b' and 'c' can be set;█\n    int d;\n};\n",
        "\n       e() resets it. */",
        SAME,
        True,
    ),
    _line("python", 'x =█""', ' b""', 'x = b""'),
    _line("python", 'x = f(█"a", 1)', '"", ', SAME),
    Row("c", "struct a {█\n};\n", "\n    /* Both can be set;\n       b() resets it. */\n    int c;", SAME),
    Row(
        "cpp",
        f"namespace n {{\nstruct A {{\n    int f█; }}\n}};\n{'int x;' * 500}\n{_FAR}}}\n",
        "(int b) const { return b; }",
        f"namespace n {{\nstruct A {{\n    int f(int b) const {{ return b; }}\n}};\n{'int x;' * 500}\n{_FAR}}}\n",
    ),
    _line("lua", "f(('a: %s; see :help █)", "b.'):g(h(c, '; ')), d", SAME),
    Row("c", "F(int) g(\n    int a\n█;\n", "    )", SAME, True),
    _line("c", "█ 'b' can be set.", "/* Both 'a' and", SAME, "*/\n"),
    _line("python", "x = ('a█..", "b')  # see c.", SAME, "y = 1\n"),
    _line("python", "# (in\n# current_thread█), and more.", "()", SAME, "x = 1\n"),
    _line("python", "# see current_thread(█), and more.", "a)", "# see current_thread(a), and more.", "x = 1\n"),
    _line("python", 'x = compile(r"([a-z]\\w*(?█)?$", y)', ":\\.[a-z]\\w*)*)(?:\\s*\\(\\s*([^)\\s]+)\\s*\\)", SAME),
    _line("typescript", 'a = [{ raw: "x =█', ' ```\\ny" }];', SAME),
    _line("c", "A *█, *block;", "result, *", "A *result, *block;"),
    _line("python", "def f(a█, *, b):", ": int, *", "def f(a: int, *, b):", "    pass\n"),
    _line("python", "f(█, *b)", "a, *c", SAME),
    _line("python", "import█", " importlib.util", SAME, "import sys\n"),
    # A line about fences, which needs them; else they are what a chat model puts around code.
    _line("typescript", "match(a, /````\\nx = ```\\ny\\n█/);", "````", SAME),
    _line("typescript", "f(█);", "```", NOTHING),
    # The delimiter of a string of several lines inside another string or a comment begins nothing.
    Row("python", f"{_NO_FENCE}b = f(█\n)\n{_CALLS}", "\n    1\n)", f"{_NO_FENCE}b = f(\n    1\n)\n{_CALLS}"),
    Row("python", "# See ''' there.\na = f(█\n)\nc()\n", "\n    1\n)", "# See ''' there.\na = f(\n    1\n)\nc()\n"),
    Row("python", "a = '''(#\n'''\nb = f(█\n)\nc()\n", "\n    1\n)", "a = '''(#\n'''\nb = f(\n    1\n)\nc()\n"),
    Row("python", f"{_NO_FENCE}b = f(\n    g(█\n)\n", "\n        1\n    )", SAME, True),
    # A window that begins inside a string of several lines.
    Row("python", f"{_LONG_DOC}def f(a):\n    return a % dict(b=c,\n█\n", "                    d=e)", SAME),
    Row(
        "python",
        f"{_LONG_DOC}def f(a):\n    return dict(b=c)\n█\n",
        "        d = e",
        f"{_LONG_DOC}def f(a):\n    return dict(b=c)\n    d = e\n",
    ),
    # The head of a loop has two semicolons, which may be side by side.
    _line("typescript", "for (█;) {", ";", SAME, "  a();\n}\n"),
    _line("c", "for (█;)", ";", SAME, "  a();\n"),
    _line("go", "for █; {", ";", SAME, "}\n"),
    _line("java", "for (int i = f(a)█;) {", ";", SAME, "}\n"),
    _line("javascript", "for (█; i++) {", "let i = 0;", SAME, "}\n"),
    _line("javascript", "for (█; i < n; i++) {", "let i = 0;", "for (let i = 0; i < n; i++) {", "}\n"),
    _line("javascript", "for (█;;) {", "let i = 0;", "for (let i = 0;;) {", "}\n"),
    _line("javascript", "for (;;) { a()█; }", ";", NOTHING),
    _line("shellscript", "for a in █; do", "b c;", "for a in b c; do", "done\n"),
    # Fences of Markdown: one that closes, although another block follows.
    Row("markdown", "```\nmake\n█\n\n## Use\n\n```\npip\n```\n", "```", SAME),
    Row("markdown", "```\nmake\n█\n\n## Use\n\n```python\nx\n```\n", "```", SAME),
    Row("markdown", "~~~\nmake\n█\n\n~~~\npip\n~~~\n", "~~~", SAME),
    Row("markdown", "```\n█\n```\n\n```\npip\n```\n", "make\n```", "```\nmake\n```\n\n```\npip\n```\n", True),
    Row("markdown", "```sh\n█\n```\n\n```sh\npip\n```\n", "make\n```", "```sh\nmake\n```\n\n```sh\npip\n```\n", True),
    # A rest that is repeated without its blank.
    _line("typescript", "/** Its own copy in█ `storage`. */", "`storage`. */", NOTHING, "f();\n"),
    _line("python", "x = a█ if b else c", ".b if b else c", "x = a.b if b else c"),
    _line("python", "x = a█ + b", " + b", NOTHING),
    _line(
        "typescript",
        'f(\'"""Items that█ ``limit``."""\\n\');',
        ' cost less than``limit``."""\\n\');',
        'f(\'"""Items that cost less than ``limit``."""\\n\');',
    ),
    _line("typescript", "f('say█ (a) `b`');", " it(a) `b`');", "f('say it (a) `b`');"),
    _line("javascript", "f(a█ + b);", " * c+ b);", "f(a * c + b);"),
    _line("javascript", "f(a█  + b);", " * c + b);", "f(a * c  + b);"),
    _line("javascript", "f(a,█ { b: c });", " d,{ b: c });", "f(a, d, { b: c });"),
    _line("javascript", "f(a,█ [b, c]);", " d,[b,c]);", "f(a, d, [b, c]);"),
    _line("javascript", "if (a█ && b) {", " > 1&& b) {", "if (a > 1 && b) {", "}\n"),
    _line("javascript", "if (a█ && b) {", " > 1 &&b){", "if (a > 1 && b) {", "}\n"),
    _line("javascript", "const x =█ ;", " a;", "const x = a ;"),
    _line("typescript", "function f(█ b: string): void {", "a: number,b: string): void {", _TWO_PARAMETERS, "}\n"),
    _line("python", 'x = f(█ "a", 1)', 'b,"a", 1)', 'x = f(b, "a", 1)'),
    _line("python", 'x = f(█ """a""", [1])', 'b,"""a""", [1])', 'x = f(b, """a""", [1])'),
    _line("python", "x = [a█ for b in c]", "[1]for b in c]", "x = [a[1] for b in c]"),
    _line("python", "x = a█ + b * d", " * c+ b*d", "x = a * c + b * d"),
    _line("python", "def f(a█ = None, b=()):", ": int= None, b=()):", "def f(a: int = None, b=()):", "    pass\n"),
    _line("go", "if err := f(a,█ b); err != nil {", " c,b); err != nil {", "if err := f(a, c, b); err != nil {", "}\n"),
    _line("rust", "let a = vec![1,█ f(2)];", " 3,f(2)];", "let a = vec![1, 3, f(2)];"),
    _line("rust", 'println!("a█ {b}", c);', ' d{b}", c);', 'println!("a d {b}", c);'),
    _line("c", "if (a█ && (b || c)) {", " == 1&& (b || c)) {", "if (a == 1 && (b || c)) {", "}\n"),
    _line("c", 'printf("a█ %s\\n", b);', ' c%s\\n", b);', 'printf("a c %s\\n", b);'),
    _line("java", 'a(█ "b");', 'c +"b");', 'a(c + "b");'),
    _line("css", "a { width: calc(█ + 2px); }", "1px+ 2px); }", "a { width: calc(1px + 2px); }"),
    _line("json", '{"a": [1,█ {"b": 2}]}', ' 2,{"b": 2}]}', '{"a": [1, 2, {"b": 2}]}'),
    # What ends like the rest and yet belongs there.
    _line("javascript", "f(a,█ g(b));", " g(c, g(b)),", SAME),
    _line("javascript", "f(a,█ [b]);", " [[c],[b]],", SAME),
    _line("javascript", "x = f(a)█ + g(a);", " + h(a) * g(a)", SAME),
    _line("javascript", "f(a,█ (b));", " h(c),g", SAME),
    _line("javascript", "x = [a█ , b];", "(c ,b)", SAME),
    _line("python", "x = f(a█ )", ", g(b)", SAME),
    _line("python", "x = [█ [1]]", "[1],[1],", SAME),
    _line("python", 'x = {"a":█ }', ' {"b": {}}', SAME),
    _line("python", 'x = a█ + "b"', ' +"c"', SAME),
    _line("go", "x := f(█ g(1))", "g(1),", SAME),
    _line("c", "x = (a█ );", " + (b)", SAME),
    _line("json", '{"a": [1,█ []]}', " [[],[]],", SAME),
    Row("python", 'X█ """\na\n"""\n', ' ="""', 'X = """\na\n"""\n'),
    _line("python", 'x = "█"', "it's", SAME),
    # A closer of a block that the document closes, whose end is far below; two interpolations on the way.
    Row(
        "typescript",
        f"class A {{\n  a(): void {{\n    █\n  }}\n\n{_FAR}}}\n",
        "this.b();\n  }",
        f"class A {{\n  a(): void {{\n    this.b();\n  }}\n\n{_FAR}}}\n",
    ),
    Row(
        "typescript",
        f"class A {{\n  a(): void {{\n    █\n  }}\n\n{_FAR}}}\n",
        "this.b();\n  };",
        f"class A {{\n  a(): void {{\n    this.b();\n  }}\n\n{_FAR}}}\n",
    ),
    Row("typescript", f"class A {{\n  a(): void {{\n    █\n\n{_FAR}}}\n", "this.b();\n  }", SAME),
    Row(
        "typescript",
        "async function f(a: string) {█\n}\n",
        "\n  try {\n    const b = await g(`/a/${a}/${b}`);\n    return (\n      h(b) &&\n      i(`${a}${b}`)\n    );\n"
        "  } catch {\n    return false;\n  }\n}",
        "async function f(a: string) {\n  try {\n    const b = await g(`/a/${a}/${b}`);\n    return (\n      h(b) &&\n"
        "      i(`${a}${b}`)\n    );\n  } catch {\n    return false;\n  }\n}\n",
    ),
    # The rest of a line opens a block, which is no reason to break the line.
    Row("python", 'def f(a: █"", b: str = "") -> str:\n    return a\n', 'bytes = b"", ', NOTHING, False),
    Row("python", 'def f(a: █ = "", b: str = "") -> str:\n    return a\n', "bytes", SAME, False),
]

# Strings with code in them, and marks of prose: what closes them may stand before the rest or be its beginning.
_DOCSTRINGS = (
    '        ...\n\n    def g(self):\n        """Return the model\'s size."""\n        ...\n\n'
    '    def h(self):\n        """Return h."""\n        ...\n'
)
_DEFINES = "/* Define it. */\n#define A_ 1\n\n" * 400
_ROWS = "".join(f"         {number}) * r +\n" for number in range(6))
_DOCSTRING = 'class A:\n    def f(self):\n        """Return it'
_ENTRIES = "".join(f" 'NAME_{number}': 'value',\n" for number in range(500))
STRINGS = [
    # The end of a key and the start of its value.
    _line("python", "a = {'█': 'c'}", "b': '", "a = {'b': 'c'}"),
    _line("json", '{"█": "c"}', 'b": "', '{"b": "c"}'),
    _line("ruby", "a = {'█' => 'c'}", "b' => '", "a = {'b' => 'c'}"),
    _line("python", "a = ['█', 'c']", "b', '", SAME),
    # A string that goes on in the next line, in brackets that open far above.
    *(
        Row("python", f"{above}{_ENTRIES} 'FLAGS': '-I/usr/█\n 'LAST': 'x',\n{below}", text, SAME, invoked=True)
        for above, below in (("A = {\n", "}\n"), ("f({\n", "})\n"), ("A = [\n", "]\n"))
        for text in ("include '\n          '-DX=1',", "include  '\n          '-DX=1 '\n          '-DY',")
    ),
    # The quote, or the bracket and the quote, that the rest begins with, inside code in a string.
    _line("typescript", 'f(`.a[b-█"${c}"]`);', 'd="${', 'f(`.a[b-d="${c}"]`);'),
    _line("typescript", 'a["B"] = `.:█"B"]}`;', '${c}/d:${a["', 'a["B"] = `.:${c}/d:${a["B"]}`;'),
    _line(
        "typescript",
        "f(`a '${b}' '${c}█ '${d}' \"$@\"`, {",
        "/e' '${",
        "f(`a '${b}' '${c}/e' '${d}' \"$@\"`, {",
        "});\n",
    ),
    _line(
        "typescript",
        "if █`, b)) === b) {",
        "((await f(`I: ${a}`, ",
        "if ((await f(`I: ${a}`, b)) === b) {",
        "  a();\n}\n",
    ),
    _line("typescript", 'x = `a ${b["█"]} c`;', 'd"]} c`;', 'x = `a ${b["d"]} c`;'),
    _line("typescript", 'x = `a ${b["█"]} c`;', 'd"', 'x = `a ${b["d"]} c`;'),
    _line("python", "x = f\"{a['█']}\"", "b'", "x = f\"{a['b']}\""),
    _line("python", 'x = f"{█}"', 'a:>{b}}"', 'x = f"{a:>{b}}"'),
    _line("python", "x = f\"{a█'b']}\"", "['", "x = f\"{a['b']}\""),
    _line("ruby", 'puts "a #{b█"c"]}"', '["', 'puts "a #{b["c"]}"'),
    _line("kotlin", 'val a = "b ${c█"d"]}"', '["', 'val a = "b ${c["d"]}"'),
    _line("csharp", 'var a = $"b {c█"d"]}";', '["', 'var a = $"b {c["d"]}";'),
    _line("swift", 'let a = "b \\(c█"d"])"', '["', 'let a = "b \\(c["d"])"'),
    _line("dart", "var a = 'b ${c█'d']}';", "['", "var a = 'b ${c['d']}';"),
    _line("groovy", 'def a = "b ${c█"d"]}"', '["', 'def a = "b ${c["d"]}"'),
    _line("php", '$a = "b {$c█"d"]}";', '["', '$a = "b {$c["d"]}";'),
    _line("scala", 'val a = s"b ${c█"d")}"', '("', 'val a = s"b ${c("d")}"'),
    _line("terraform", 'a = "${f(b, █"c")}"', 'd, "', 'a = "${f(b, d, "c")}"'),
    _line("shellscript", 'a="$(b █"$c")"', '-d "', 'a="$(b -d "$c")"'),
    _line("elixir", 'a = "b #{c█"d"]}"', '["', 'a = "b #{c["d"]}"'),
    _line("julia", 'a = "b $(c█"d"])"', '["', 'a = "b $(c["d"])"'),
    _line("powershell", '$a = "b $(c █"d")"', '-e "', '$a = "b $(c -e "d")"'),
    # A string of several lines that the rest begins.
    Row("typescript", "f(█`a\n b`);\n", "`c`, ", SAME),
    Row("typescript", "f(█`a\n b`);\n", "g(1), ", SAME),
    Row("go", "f(█`a\n b`)\n", "`c`, ", SAME),
    # What fits passes.
    _line("python", 'x = f"a {{ b█}}\\n"', " }}\\n{{c: {d}", SAME),
    _line("python", 'x = f"a {█}"', 'b["c"]', SAME),
    _line("python", 'x = f"{a█}"', "!r:>{b}", SAME),
    _line("python", 'x = f"{a(█)}"', 'b[1], {"c": 2}', SAME),
    _line("typescript", "x = `${█}`;", 'a["b"]', SAME),
    _line("typescript", "x = `a ${b[█]} c`;", '"d"', SAME),
    _line("typescript", 'x = `a ${b["█"]} c`;', 'd"]} ${e["f', SAME),
    _line("ruby", 'puts "a #{b["█"]} c"', 'd"]} #{e["f', SAME),
    _line("kotlin", 'val a = "b ${c["█"]} e"', 'd"]} ${f["g', SAME),
    _line("csharp", 'var a = $"b {c["█"]} e";', 'd"]} {f["g', SAME),
    *(
        _line(language, line, raw, SAME)
        for language, line, raw in (
            ("ruby", 'puts "a #{█}"', 'b["c"]'),
            ("kotlin", 'val a = "b ${█}"', 'c["d"]'),
            ("csharp", 'var a = $"b {█}";', 'c["d"]'),
            ("swift", 'let a = "b \\(█)"', 'c["d"]'),
            ("dart", "var a = 'b ${█}';", "c['d']"),
            ("php", '$a = "b {█}";', '$c["d"]'),
            ("terraform", 'a = "${█}"', 'f(b, "c")'),
            ("shellscript", 'a="$(█)"', 'b "$c"'),
            ("elixir", 'a = "b #{█}"', 'c["d"]'),
            ("rust", 'println!("█", a["b"]);', "{a:?} {{b}}"),
        )
    ),
    # A code span, which may go on in the next line; emphasis and links.
    Row("markdown", "The loop runs█`a\nb` c.\n", " 40 times as fast as `d()` with the model (", SAME),
    Row("markdown", "Run `a\n█` now.\n", "b` and `c", SAME),
    Row("markdown", "Run `a\n█` now.\n", "b`", "Run `a\nb` now.\n"),
    Row("markdown", "- Run `a\n- Or `█` now.\n", "b`", "- Run `a\n- Or `b` now.\n"),
    _line("markdown", "Run `█` now.", "a` and `b", SAME),
    _line("markdown", "Run `█` now.", "a`", "Run `a` now."),
    _line("markdown", "Run █`a`.", "`b` and ", SAME),
    _line("markdown", "Run █`a`.", "`b` and `", "Run `b` and `a`."),
    _line("markdown", "Use `` █ `` here.", "a ` b", SAME),
    _line("markdown", "Use █`` a ` b `` here.", "`c` or ", SAME),
    _line("markdown", "It is **█** here.", "bold** and **more", SAME),
    _line("markdown", "It is **█** here.", "bold**", "It is **bold** here."),
    _line("markdown", "It is *█* here.", "a b*", "It is *a b* here."),
    _line("markdown", "It is _█_ here.", "a_b_", "It is _a_b_ here.", invoked=True),
    _line("markdown", "It is ~~█~~ here.", "a~~", "It is ~~a~~ here."),
    _line("markdown", "It is **█** here.", "a *b*", SAME),
    _line("markdown", "It is █**bold**.", "*slanted* and ", SAME),
    _line("markdown", "It is █**bold**.", "**a** and ", SAME),
    _line("markdown", "See [█](a.md).", "b](c.md) and [d", SAME),
    _line("markdown", "See [█](a.md).", "b](a.md).", "See [b](a.md)."),
    _line("markdown", "See █[b](a.md).", "[c](d.md) and ", SAME),
    _line("markdown", 'He said █"yes".', '"no" and then ', SAME),
    # All of the rest again, in a comment whose quotes are no pairs.
    *(
        _line("c", "/* Define█`a' b. */", f" to 1 if you have the `a' b. */{more}", f"/* Define{one}`a' b. */", two)
        for one, two in ((" to 1 if you have the ", "#define A 1\n"),)
        for more in ("", "\n#define A 1")
    ),
    _line("c", "/* Define█`a' b. */", " to 1 if you have the ", SAME, "#define A 1\n"),
    Row("c", f"{_DEFINES}/* █ */\n", "Define it if `a' is. */", f"{_DEFINES}/* Define it if `a' is. */\n"),
    Row("c", f"{_DEFINES}/* █ */\n", "Define it if `a' is.", SAME),
    _line("c", "typedef struct █ TypeObject;", "TypeObject", SAME),
    _line("c", "x = █ TypeObject;", "TypeObject", NOTHING),
    _line("css", "/* Define█'a' b. */", " it or 'a' b. */", "/* Define it or 'a' b. */", "a {}\n"),
    _line("html", "<!-- A█ b -->", " and b -->", "<!-- A and b -->"),
    # Brackets in a raw string of several lines.
    *(
        Row(
            "go",
            f"func f() {{\n\tx := `\n{brackets}\n`\n\tif x {{\n\t\t█\n\t}}\n}}\n",
            "g()\n\t}",
            f"func f() {{\n\tx := `\n{brackets}\n`\n\tif x {{\n\t\tg()\n\t}}\n}}\n",
        )
        for brackets in ("{ ( [", "} ) ]", "}{)(")
    ),
    Row("go", "func f() {\n\tx := `\n} ) ]\n`\n\tg(█)\n}\n", "x)", "func f() {\n\tx := `\n} ) ]\n`\n\tg(x)\n}\n"),
    Row("go", 'x := `\n{\n  "a": [█\n}\n`\n\nfunc f() {\n}\n', "1, 2]", SAME),
    Row("go", 'x := `\n{\n  "a": █\n`\n\nfunc f() {\n}\n', "{", SAME),
    _line("go", "x := regexp.MustCompile(`█`)", "^\\((a|b]+){2}$", SAME),
    _line("go", "x := f(`a(█`)", "b[c`)", "x := f(`a(b[c`)"),
    # More brackets around the cursor than are usual, all closed below.
    Row(
        "python",
        f"{_CALLS}x = ((((((((1 * r +\n         █\n{_ROWS}         8)\n{_CALLS}",
        "9) * r +",
        SAME,
    ),
    # A docstring that the document does not end, although an apostrophe below looks like a string.
    Row("python", f"{_DOCSTRING}█\n{_DOCSTRINGS}", ' all."""', SAME),
    Row("python", f'{_DOCSTRING}█"""\n{_DOCSTRINGS}', ' all."""', f'{_DOCSTRING} all."""\n{_DOCSTRINGS}'),
    Row(
        "python",
        f'{_DOCSTRING}█\n\n        Or not.\n        """\n{_DOCSTRINGS}',
        ' all."""',
        f'{_DOCSTRING} all.\n\n        Or not.\n        """\n{_DOCSTRINGS}',
    ),
]

# A second call after a comma, where a statement has one.
SECOND_CALLS = [
    *(
        _line(language, "f(1█);", "), g(2", NOTHING, "h(3);\n")
        for language in (
            *("typescript", "javascript", "java", "c", "cpp", "csharp", "php", "perl", "dart", "rust", "lua"),
            *("kotlin", "swift", "scala", "ruby", "r", "objective-c"),
        )
    ),
    *(
        _line(language, "f(1█)", "), g(2", NOTHING, "h(3)\n")
        for language in ("kotlin", "swift", "ruby", "lua", "python")
    ),
    _line("typescript", "f(█);", "a), g(b", "f(a);"),
    _line("typescript", "f(█);", "a), g(b);", "f(a);"),
    _line("typescript", "a.b(c[█]);", "0]), d(e[1", "a.b(c[0]);"),
    _line("javascript", "x = f(█);", "1), g(2", "x = f(1);"),
    _line("javascript", "const x = f(█);", "1), g(2", "const x = f(1);"),
    _line("javascript", "return f(█);", "1), g(2", "return f(1);"),
    Row("swift", "func a() {\n    f(█)\n    g()\n}\n", "1), g(2", "func a() {\n    f(1)\n    g()\n}\n"),
    # What fits passes.
    _line("javascript", "const x = f(█);", "1), y = g(2", SAME),
    _line("typescript", "let x: A = f(█);", "1), y: B = g(2", SAME),
    _line("c", "int x = f(█);", "1), y = g(2", SAME),
    *(
        _line(language, "    double *a = f(n, 8), *b = g(n █];", text, SAME)
        for language in ("c", "cpp")
        for text in ("* 2), c[2", "* 2), *c, d[2", "* 2), *c[1] = {d}, e[2")
    ),
    _line("c", "static unsigned int a[2] = f(█];", "1), b[2", SAME),
    _line("c", "int x = f(█);", "1), g(2", "int x = f(1);"),
    _line("javascript", "x = [f(█)];", "1), g(2", SAME),
    _line("javascript", "h(f(█));", "1), g(2", SAME),
    _line("javascript", "f(█);", "1).then(g), h(2", "f(1).then(g);"),
    _line("python", "x = f(█)", "1), g(2", SAME),
    _line("python", "return f(█)", "1), g(2", SAME),
    _line("go", "a, b := f(█)", "1), g(2", SAME),
    _line("lua", "local a, b = f(█)", "1), g(2", SAME),
    _line("ruby", "puts f(█)", "1), g(2", SAME),
    _line("php", "echo f(█);", "1), g(2", SAME),
    _line("perl", "return f(█);", "1), g(2", SAME),
    _line("kotlin", "class A : B(█)", "1), C by d(2", SAME),
    Row("javascript", "x = [\n  f(█),\n  g(3),\n];\n", "1), f(2", SAME),
    Row("javascript", "x = [\n  g(0),\n  f(█)\n];\n", "1), f(2", SAME),
    Row("c", "int x[] = {\n  g(0),\n  f(█)\n};\n", "1), f(2", SAME),
    Row("lua", "x = {\n  f(█),\n}\n", "1), f(2", SAME),
    Row("python", "x = (\n    f(█)\n)\n", "1), f(2", SAME),
]

ROWS = [*REST, *DELIMITERS, *CLOSERS, *BLANKS, *COPIES, *INERT, *STRINGS, *SECOND_CALLS, *GOOD]
