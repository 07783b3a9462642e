"""Cursor cases: language, text with the cursor at its last ``|``, what the model writes, what the user is offered.

``SAME`` is the model's own text: a good suggestion passes unchanged. A `SkipReason` means that nothing is offered.
"""

from __future__ import annotations

from typing import NamedTuple

from infill_completion.document.snapshot import SkipReason

SAME = "\0same"
EMPTY, FILTERED, MID_LINE = SkipReason.EMPTY, SkipReason.FILTERED, SkipReason.MID_LINE
NEXT_LINE = SkipReason.NEXT_LINE


class Case(NamedTuple):
    language: str
    text: str
    raw: str
    expected: str | SkipReason
    invoked: bool = False


PASS_THROUGH = [
    Case("python", "def add(a, b):\n    return |\n", "a + b", SAME),
    Case("python", "import os\n\nprint(os.|)\n", "getcwd()", SAME),
    Case("python", "x = [1, 2, |\n", "3]", SAME),
    Case("python", "total = sum(\n    value\n    |\n)\n", "for value in values", SAME),
    Case("python", "def f(x|):\n    pass\n", ", y=1", SAME),
    Case("python", "print(f(|))\n", "g(x)", SAME),
    Case("python", 'name = "|"\n', "world", SAME),
    Case("python", "def call(first,\n        |\n    if first:\n        pass\n", " second):", SAME),
    Case("python", "class A:|\n", "\n    x = 1\n    y = 2", SAME),
    Case("python", "if a:\n    b()\nel|\n", "se:", SAME),
    Case("python", "x = a |\n", "+ b  # both", SAME),
    Case("python", 'def f():\n    """|\n    return 1\n', 'Return one."""', SAME),
    Case("python", "for x in y:\n    |\n", "if x:\n        print(x)\n    else:\n        pass", SAME, True),
    Case("python", "s = '''\n:)\n'''\nf(|\n", "1)", SAME),
    Case("python", "# a smiley |\n", ":)", SAME),
    Case("python", "x = {\n    'a': 1,\n|\n", "}", SAME),
    Case("javascript", "const add = (a, b) => |\n", "a + b;", SAME),
    Case("javascript", "items.map(|)\n", "item => item.id", SAME),
    Case("javascript", "function f() {|\n", "\n  return 1;\n}", SAME),
    Case("javascript", "const s = `|`;\n", "${name}!", SAME),
    Case("javascript", "if (a) {|\n", "\n  b();\n} else {\n  c();\n}", SAME),
    Case("typescript", "interface User {|\n", "\n  name: string;\n  age: number;\n}", SAME),
    Case("typescript", "const x: |\n", "Map<string, number[]> = new Map();", SAME),
    Case("typescriptreact", "return <Button onClick={|} />;\n", "() => save()", SAME),
    Case("java", "public int size() {|\n", "\n    return items.size();\n}", SAME),
    Case("java", "List<String> names = |\n", "new ArrayList<>();", SAME),
    Case("go", "func main() {|\n", '\n\tfmt.Println("hi")\n}', SAME),
    Case("go", "if err != nil {\n\t|\n}\n", "return err", SAME),
    Case("rust", "fn len(&self) -> usize {|\n", "\n    self.items.len()\n}", SAME),
    Case("rust", "fn f<'a>(x: &'a str|\n", ") -> &'a str {", SAME),
    Case("rust", "let c = |\n", "'(';", SAME),
    Case("c", "for (int i = 0; |\n", "i < n; i++) {", SAME),
    Case("c", "#if defined(A)\nint f(void);\n|\n", "#endif", SAME),
    Case("cpp", "std::vector<int> v|\n", "{1, 2, 3};", SAME),
    Case("cpp", "namespace a {\nnamespace b {\nint x;\n|\n}\n", "}  // namespace b", SAME),
    Case("csharp", "var q = from x in xs |\n", "where x > 0 select x;", SAME),
    Case("ruby", "def name|\n", "=(value)", SAME),
    Case("ruby", "items.each do |x||\n", "\n  puts x\nend", SAME),
    Case("lua", "local function f(a)|\n", "\n  return a\nend", SAME),
    Case("shellscript", 'case "$1" in\n  |\n', "start) run ;;", SAME),
    Case("shellscript", "for f in *.txt; do|\n", '\n  echo "$f"\ndone', SAME),
    Case("yaml", "services:|\n", "\n  web:\n    image: nginx", SAME),
    Case("json", '{\n  "a": |\n}\n', '[1, 2, {"b": 3}]', SAME),
    Case("html", "<div>|\n", "\n  <p>Hi</p>\n</div>", SAME),
    Case("html", '<a href="|">x</a>\n', "https://example.org", SAME),
    Case("css", ".a {|\n", "\n  color: red;\n}", SAME),
    Case("sql", "SELECT name FROM users WHERE |\n", "age > 18 AND (role = 'x');", SAME),
    Case("php", "<?php\n$x = array_map(|);\n", "fn($a) => $a + 1, $items", SAME),
    Case("kotlin", "fun main() {|\n", '\n    println("hi")\n}', SAME),
    Case("swift", "func f() -> Int {|\n", "\n    return 1\n}", SAME),
    Case("haskell", "square x = |\n", "x * x", SAME),
    Case("makefile", "all:|\n", "\n\tcc -o a a.c", SAME),
    Case("markdown", "The interval [0, 1|\n", ") is half open.", SAME),
    Case("latex", "Let $x \\in [0, 1|\n", ")$ be small.", SAME),
    Case("elixir", "def add(a, b) do|\n", "\n  a + b\nend", SAME),
    Case("julia", "function f(x)|\n", "\n    return x\nend", SAME),
    Case("clojure", "(defn f [x] |)\n", "(+ x 1)", SAME),
]

SUFFIX = [
    Case("python", "print(|)\n", "x)", "x"),
    Case("python", "print(f(|))\n", "x))", "x"),
    Case("python", "print(f(|))\n", "x)", "x"),
    Case("python", 'name = "|"\n', 'world"', "world"),
    Case("python", "connect(|, timeout=5)\n", "url, timeout=5)", "url"),
    Case("python", "x = [|]\n", "1, 2]", "1, 2"),
    Case("python", "def f(|):\n    pass\n", "a, b):", "a, b"),
    Case("python", "open(|)\n", "path).read()", "path).read("),
    Case("python", "open(|)\n", "path).name", SAME),
    Case("javascript", "foo(|);\n", "a, b);", "a, b"),
    Case("javascript", "foo(|);\n", "a, b)", "a, b"),
    Case("javascript", "const x = |;\n", "1;", "1"),
    Case("javascript", "if (|) {\n", "a > 1) {", "a > 1"),
    Case("javascript", "call({|})\n", "a: 1})", "a: 1"),
    Case("typescript", "const x: Array<|> = []\n", "string> = []", "string"),
    Case("java", "String s = f(|);\n", '"a");', '"a"'),
    Case("go", "x := m[|]\n", "key]", "key"),
    Case("rust", "let v = vec![|];\n", "1, 2];", "1, 2"),
    Case("c", "printf(|);\n", '"%d", x);', '"%d", x'),
    Case("php", "<?php echo strlen(|);\n", "$s);", "$s"),
    Case("html", '<a href="|">\n', 'x.html">', "x.html"),
    Case("ruby", "puts(|)\n", "name)", "name"),
    Case("json", '{"a": [|]}\n', "1]}", "1"),
    Case("python", "foo(|) + other_name\n", "x\nprint(1)\n", FILTERED),
    Case("python", "def __ini|_(self, a, b):\n    pass\n", "t__(self, other):\n    pass\n", "t_", True),
    Case("python", "def f():\n    |found = 1\n", "return found\n", FILTERED),
    Case("python", "a |= total_count\n", "= 1\nb = 2\n", FILTERED),
    Case("python", "hel|lo\n", "x", MID_LINE),
    Case("javascript", "con|st x\n", "y", MID_LINE),
]

NEXT_LINES = [
    Case("python", "def f():\n    |\n    return total\n", "return total", FILTERED),
    Case("python", "|\nimport os\nimport sys\n", "import os", FILTERED),
    Case("python", "if a:\n    |\n    c()\n", "b()\n    c()", "b()", True),
    Case("python", "if a:|\nprint(total)\n", "\n    b()\nprint(total)", "\n    b()"),
    Case("javascript", "function f() {\n  |\n  return total;\n}\n", "return total;", FILTERED),
    Case("javascript", "function f() {\n  |\n}\n", "return 1;\n}", "return 1;"),
    Case("javascript", "function f() {|\n}\n", "\n  return 1;\n}", "\n  return 1;"),
    Case("java", "class A {\n    void f() {\n        |\n    }\n}\n", "g();\n    }", "g();"),
    Case("java", "class A {\n    void f() {\n        |\n    }\n}\n", "g();\n    }\n}", "g();"),
    Case("go", "func f() {\n\t|\n}\n", "g()\n}", "g()"),
    Case("rust", "fn f() {\n    |\n}\n", "g();\n}", "g();"),
    Case("c", "int f(void) {\n  |\n}\n", "return 0;\n}", "return 0;"),
    Case("ruby", "def f\n  |\nend\n", "g\nend", "g"),
    Case("lua", "function f()\n  |\nend\n", "g()\nend", "g()"),
    Case("shellscript", "if true; then\n  |\nfi\n", "run\nfi", "run"),
    Case("elixir", "def f do\n  |\nend\n", "g()\nend", "g()"),
    Case("css", ".a {\n  |\n}\n", "color: red;\n}", "color: red;"),
    Case("yaml", "a:\n  |\n  c: 2\n", "c: 2", FILTERED),
    Case("json", '{\n  "a": 1,\n  |\n}\n', '"b": 2\n}', '"b": 2'),
    Case("html", "<ul>\n  |\n  <li>second entry</li>\n</ul>\n", "<li>second entry</li>", FILTERED),
]

BRACKETS = [
    Case("python", "print(x|\n", ", y))", ", y)"),
    Case("python", "x = 1|\n", ")", FILTERED),
    Case("python", "x = foo|\n", "(1))", "(1)"),
    Case("javascript", "foo(a|\n", ", b)));", ", b)"),
    Case("javascript", "const x = [1|\n", ", 2]];", ", 2]"),
    Case("go", "x := f(1|\n", "))", ")"),
    Case("java", "f(a|\n", "));", ")"),
    Case("rust", "let x = f(1|\n", "));", ")"),
    Case("c", "int x = f(1|\n", "));", ")"),
    Case("json", '{"a": [1|\n', "]}]", "]}"),
]

LENGTH = [
    Case("python", "def f():|\n", "\n    a()\n    b()\n\n\ndef g():\n    pass\n", "\n    a()\n    b()"),
    Case("python", "def f():|\n", "\n    if a:\n        b()\n    c()\nx = 1\n", "\n    if a:\n        b()\n    c()"),
    Case("python", "def f():\n    |\n", "a()\n    b()\nprint(1)\n", "a()\n    b()"),
    Case("python", "def f():\n    x = 1\n    |\n    z = 3\n", "y = 2\n    yy = 2\n", "y = 2"),
    Case(
        "python",
        "def f():\n    x = 1\n    |\n    z = 3\n",
        "y = 2\n    yy = 2\n\n    q = 1\n",
        "y = 2\n    yy = 2",
        True,
    ),
    Case("python", "def f():\n    |\n", "\n    return 1\n", "return 1"),
    Case("python", "def f():\n    |\n", "\n\n    return 1\n", "return 1"),
    Case("python", "def f():\n    x = 1\n    |\n", "\ndef g():\n    pass\n", EMPTY),
    Case("python", "x = 1|\n", "\ny = 2\n", NEXT_LINE),
    Case("python", "|\n", "import os\nimport sys\n\nprint(1)\n", "import os\nimport sys", True),
    Case("python", "|\n", "def f():\n    a()\n    b()\nf()\n", "def f():\n    a()\n    b()", True),
    Case("javascript", "if (a) {|\n", "\n  b();\n}\nc();\n", "\n  b();\n}"),
    Case("javascript", "if (a) {|\n", "\n  b();\n} else {\n  c();\n}\nd();\n", "\n  b();\n} else {\n  c();\n}"),
    Case("javascript", "const f = () => {\n  |\n", "a();\n  b();\n};\nc();\n", "a();\n  b();\n};"),
    Case("java", "void f() {|\n", "\n    g();\n}\n\nvoid h() {\n}\n", "\n    g();\n}"),
    Case("go", "func f() {|\n", "\n\tg()\n}\n\nfunc h() {\n}\n", "\n\tg()\n}"),
    Case("ruby", "def f|\n", "\n  g\nend\n\ndef h\nend\n", "\n  g\nend"),
    Case("lua", "function f()|\n", "\n  g()\nend\n\nfunction h()\nend\n", "\n  g()\nend"),
    Case("yaml", "a:|\n", "\n  b: 1\n  c: 2\nd: 3\n", "\n  b: 1\n  c: 2"),
    Case("markdown", "# Title\n\nSome |\n", "text here.\nAnd more.\n", "text here."),
]

MARKERS = [
    Case("python", "x = |\n", "1 <EOT>", "1"),
    Case("python", "x = |\n", "1<EOT>\n<PRE> y", "1"),
    Case("python", "x = |\n", "<MID> 1", FILTERED),
    Case("python", "x = |\n", "1<fim_middle>2", "1"),
    Case("go", "x := |\n", "1<|fim_pad|>", "1"),
    Case("java", "int x = |\n", "1;<|endoftext|>", "1;"),
    Case("c", "int x = |\n", "1;<file_sep>a.c", "1;"),
    Case("rust", "let x = |\n", "1;<｜fim▁end｜>", "1;"),
    Case("ruby", "x = |\n", "1<|file_separator|>", "1"),
    Case("lua", "x = |\n", "1[SUFFIX]", "1"),
    Case("python", 'EOT = "<EOT>"\nx = |\n', '"<EOT>"', SAME),
    Case("html", "<b>|\n", "<EOT", SAME),
]

REPETITION = [
    Case("python", "|\n", "foo()\n" * 9, "foo()", True),
    Case("python", "add_row(1)\nadd_row(1)\n|\n", "add_row(1)", FILTERED),
    Case("python", "x = |\n", "[" + "'', " * 60, FILTERED),
    Case("python", "# |\n", "-" * 70, SAME),
    Case("c", "int zeros[] = {|\n", "\n    " + "0, " * 8 + "\n};", SAME),
    Case("python", "def f(a):\n    pass\n\n\n|\n", "def f(a):", FILTERED),
    Case("python", "class A:\n    def f(self):\n        pass\n\nclass B:\n    |\n", "def f(self):", SAME),
    Case("python", "x = |\n", "[0, 0, 0, 0, 0, 0, 0, 0]", SAME),
    Case("c", "int t[] = {|\n", "\n  0x0, 0x0, 0x0, 0x0,\n  0x0, 0x0, 0x0, 0x0,\n};", SAME),
    Case("javascript", "save();\nclose_all();\n|\n", "save();\nclose_all();\nopen();", SAME, True),
]

BLANKS = [
    Case("python", "x = |\n", "   ", EMPTY),
    Case("python", "x = |\n", "", EMPTY),
    Case("python", "x = |\n", " 5", "5"),
    Case("python", "def f():\n    a()\n    |\n    b()\n", " c()", "c()"),
    Case("python", "x = 1|\n", "  # one", SAME),
    Case("python", "x = f(1, |)\n", "y=2 ", SAME),
    Case("go", "func f() {\n\ta()\n\tif b {|\n", "\n        c()\n    }", "\n\t\tc()\n\t}"),
    Case("python", "def f():\n    a()\n    if b:|\n", "\n\t\tc()", "\n        c()"),
    Case("javascript", "f()|\n", ";   ", ";"),
    Case("java", "int x =|\n", " 1;", SAME),
]

# What users of other products have complained about, unless it is in the lists above.
COMPLAINTS = [
    # Brackets and quotes in strings do not end a suggestion.
    Case("python", "print(|)\n", '"a) b"', SAME),
    Case("python", "x = re.compile(|)\n", 'r"\\)\\("', SAME),
    Case("javascript", "const open = |;\n", '"}" + a', SAME),
    Case("typescript", "log(|);\n", "`(${a}`", SAME),
    Case("rust", "let c = s.find(|);\n", "')'", SAME),
    Case("c", "putchar(|);\n", "'}'", SAME),
    # Comments and paths are not control tokens.
    Case("javascript", "import { a } from |\n", "'../src/app.js';", SAME),
    Case("javascript", "let a = 1; |\n", "// the first", SAME),
    Case("go", "x := 1 |\n", "// the first", SAME),
    Case("c", "#include |\n", '"src/a.h"', SAME),
    Case("python", "url = |\n", '"https://example.org/src/a"', SAME),
    # A suggestion in the middle of a line is not a block.
    Case("javascript", "foo(|);\n", "a,\n  b", "a,"),
    Case("python", "x = [|]\n", "1,\n    2,\n", "1,"),
    # What the editor has closed is not closed twice, not even over several lines.
    Case("javascript", "items.forEach(item => {|\n});\n", "\n  save(item);\n});", "\n  save(item);"),
    Case("typescript", "it('saves', () => {\n  |\n});\n", "save();\n});", "save();"),
    Case("java", "foo(new A() {|\n});\n", "\n    int x;\n});", "\n    int x;"),
    Case("go", "defer func() {|\n})\n", "\n\tf()\n})", "\n\tf()"),
    Case("rust", "v.iter().map(|x| {|\n});\n", "\n    x + 1\n});", "\n    x + 1"),
    Case("cpp", "struct A {|\n};\n", "\n  int x;\n};", "\n  int x;"),
    # A line end at the beginning is skipped on an indented line; control tokens alone are not a suggestion.
    Case("java", "class A {\n    void f() {\n        |\n    }\n}\n", "\n        g();\n", "g();"),
    Case("go", "func f() {\n\t|\n}\n", "\n\tg()\n", "g()"),
    Case("python", "x = |\n", "<MID> <PRE> <SUF>", FILTERED),
    # In docstrings and comments the line is suggested, not a block.
    Case("python", 'def f(a):\n    """Args:|\n    """\n', "\n        a: A number.\n", NEXT_LINE),
    Case("python", "# Steps:|\n", "\n# 1. Read.\n", NEXT_LINE),
    Case("python", 'def f(a):\n    """Add one."""\n    |\n', "b = a + 1\n    return b\n\n", "b = a + 1\n    return b"),
]

CASES = [*PASS_THROUGH, *SUFFIX, *NEXT_LINES, *BRACKETS, *LENGTH, *MARKERS, *REPETITION, *BLANKS, *COMPLAINTS]
