"""Rows of pairs that the editor has closed on the cursor's line: what the model closes below replaces the rest.

`Row.text` has the cursor at its ``█``; what follows are documents after the suggestion was accepted.
"""

from __future__ import annotations

from infill_completion.document.snapshot import SkipReason
from tests.suggest.cases.row import WHOLE, Row

PAIRS = [
    Row("javascript", "function f() {█}\n", "\n  return 1;\n}", "function f() {\n  return 1;\n}\n"),
    Row(
        "javascript",
        "function f() {█}\n",
        "\n  return 1;\n}\n\nfunction g() {\n}\n",
        "function f() {\n  return 1;\n}\n",
    ),
    Row("javascript", "function f() {█}\n", "\n  return 1;\n", WHOLE),
    Row("javascript", "function f() {█}\n", " return 1; }", "function f() { return 1; }\n"),
    Row("javascript", "function f() { █ }\n", "\n  return 1;\n}", "function f() { \n  return 1;\n}\n"),
    Row("javascript", "items.map((x) => {█});\n", "\n  save(x);\n});\n", "items.map((x) => {\n  save(x);\n});\n"),
    Row("javascript", "items.map((x) => {█});\n", "\n  save(x);\n}", "items.map((x) => {\n  save(x);\n});\n"),
    Row(
        "javascript", "items.map((x) => {█})\n", "\n  save(x);\n});\nfoo();\n", "items.map((x) => {\n  save(x);\n});\n"
    ),
    Row("javascript", "f({█})\n", "\n  a: 1,\n  b: 2,\n})\n", "f({\n  a: 1,\n  b: 2,\n})\n"),
    Row("javascript", "const a = {█};\n", "\n  a: 1,\n  b: 2,\n};\n", "const a = {\n  a: 1,\n  b: 2,\n};\n"),
    Row("javascript", "const a = [█];\n", "\n  1,\n  2,\n];\n", "const a = [\n  1,\n  2,\n];\n"),
    Row("javascript", "f(█);\n", "\n  a,\n  b,\n);\n", "f(\n  a,\n  b,\n);\n"),
    Row("javascript", "f(█);\n", "a,\n  b\n);\n", "f(a,\n  b\n);\n"),
    Row("python", "def area(█)\n", "w, h):\n    return w * h\n", "def area(w, h):\n    return w * h\n"),
    Row("python", "def area(█):\n", "w, h):\n    return w * h\n", "def area(w, h):\n    return w * h\n"),
    Row("python", "def area(█):\n    pass\n", "w, h):\n    return w * h\n", "def area(w, h):\n    pass\n"),
    Row(
        "python",
        "class A:\n    def area(█)\n",
        "self):\n        return self.w * self.h\n\n    def b(self):\n        pass\n",
        "class A:\n    def area(self):\n        return self.w * self.h\n",
    ),
    Row("python", "f(█)\n", "\n    a,\n    b,\n)\n", "f(\n    a,\n    b,\n)\n"),
    Row("python", "x = [█]\n", "\n    1,\n    2,\n]\n", "x = [\n    1,\n    2,\n]\n"),
    Row("python", "x = {█}\n", "\n    'a': 1,\n    'b': 2,\n}\n", "x = {\n    'a': 1,\n    'b': 2,\n}\n"),
    Row("python", "x = {█}\n", "'a': 1,\n     'b': 2}\n", "x = {'a': 1,\n     'b': 2}\n"),
    Row("python", 'print("█")\n', 'a")\nprint("b")\n', 'print("a")\n'),
    Row("go", "func f(█)\n", "a int) int {\n\treturn a\n}\n", "func f(a int) int {\n\treturn a\n}\n"),
    Row("go", "func f() {█}\n", "\n\treturn 1\n}\n\nfunc g() {\n}\n", "func f() {\n\treturn 1\n}\n"),
    Row("rust", "fn f() -> u8 {█}\n", "\n    1\n}\n", "fn f() -> u8 {\n    1\n}\n"),
    Row("rust", "fn f(█)\n", "a: u8) -> u8 {\n    a\n}\n", "fn f(a: u8) -> u8 {\n    a\n}\n"),
    Row(
        "java",
        "class A {\n    void f() {█}\n}\n",
        "\n        g();\n    }\n}\n",
        "class A {\n    void f() {\n        g();\n    }\n}\n",
    ),
    Row("java", "class A {█}\n", "\n    int x;\n}\n", "class A {\n    int x;\n}\n"),
    Row("c", "int f(void) {█}\n", "\n    return 0;\n}\n", "int f(void) {\n    return 0;\n}\n"),
    Row(
        "csharp",
        "class A\n{\n    void F() {█}\n}\n",
        "\n        G();\n    }\n}\n",
        "class A\n{\n    void F() {\n        G();\n    }\n}\n",
    ),
    Row("css", ".a {█}\n", "\n  color: red;\n}\n", ".a {\n  color: red;\n}\n"),
    Row("css", ".a {█}\n", "\n  color: red;\n}\n\n.b {\n}\n", ".a {\n  color: red;\n}\n"),
    Row("html", "<div>█</div>\n", "\n  <p>Hi</p>\n</div>\n", "<div>\n  <p>Hi</p>\n</div>\n"),
    Row("html", "<ul>█</ul>\n", "\n  <li>a</li>\n  <li>b</li>\n", WHOLE),
    Row(
        "typescriptreact",
        "return (\n  <div>█</div>\n);\n",
        "\n    <p>Hi</p>\n  </div>\n);\n",
        "return (\n  <div>\n    <p>Hi</p>\n  </div>\n);\n",
    ),
    Row("typescriptreact", "return (█);\n", "\n  <p>Hi</p>\n);\n}\n", "return (\n  <p>Hi</p>\n);\n"),
    Row("json", "{█}\n", '\n  "a": 1,\n  "b": 2\n}\n', '{\n  "a": 1,\n  "b": 2\n}\n'),
    Row("json", '{\n  "a": {█}\n}\n', '\n    "b": 1\n  }\n}\n', '{\n  "a": {\n    "b": 1\n  }\n}\n'),
    Row("lua", "f(function() █)\n", "\n  return 1\nend)\n", "f(function() \n  return 1\nend)\n"),
    Row("ruby", "x.each {█}\n", " |a|\n  puts a\n}\n", "x.each { |a|\n  puts a\n}\n"),
    Row("shellscript", "f() {█}\n", "\n  ls\n}\n", "f() {\n  ls\n}\n"),
    Row(
        "sql",
        "CREATE TABLE t (█);\n",
        "\n  id INT,\n  name TEXT\n);\n",
        "CREATE TABLE t (\n  id INT,\n  name TEXT\n);\n",
    ),
    Row("javascript", "foo(█);\n", "a,\n  b", "foo(a,);\n", WHOLE),
    Row("python", "x = [█]\n", "1,\n    2,\n", "x = [1,]\n", "x = [1,\n    2,]\n"),
    Row("python", "foo(█) + other_name\n", "x\nprint(1)\n", SkipReason.FILTERED),
    Row("javascript", "it('saves', () => {█})\n", "\n  save();\n})\n", "it('saves', () => {\n  save();\n})\n"),
    Row(
        "javascript",
        "if (a) {█} else {\n  b();\n}\n",
        "\n  c();\n} else {\n",
        "if (a) {\n  c();\n} else {\n  b();\n}\n",
    ),
    Row(
        "javascript", "if (a) {█}\n", "\n  b();\n} else {\n  c();\n}\nd();\n", "if (a) {\n  b();\n} else {\n  c();\n}\n"
    ),
    Row(
        "javascript",
        "const f = useCallback(() => {█}, []);\n",
        "\n  g();\n}, []);\n",
        "const f = useCallback(() => {\n  g();\n}, []);\n",
    ),
    Row("typescript", "type A = {█};\n", "\n  a: string;\n};\n", "type A = {\n  a: string;\n};\n"),
    Row("javascript", "import {█} from 'a';\n", "\n  a,\n  b,\n} from 'a';\n", "import {\n  a,\n  b,\n} from 'a';\n"),
]

MORE = [
    Row("go", "func f(█) {\n}\n", "a int) int {\n\treturn a\n}\n", "func f(a int) int {\n\treturn a\n}\n"),
    Row("python", "x = foo(█\n", "\n    a,\n    b,\n)\nbar()\n", "x = foo(\n    a,\n    b,\n)\n"),
    Row("python", "x = [█\n", "\n    1,\n    2,\n]\nbar()\n", "x = [\n    1,\n    2,\n]\n"),
    Row(
        "python",
        "def f(█\n",
        "\n    a,\n    b,\n):\n    return a\n\n\ndef g():\n",
        "def f(\n    a,\n    b,\n):\n    return a\n",
    ),
    Row(
        "javascript",
        "const f = ({█}) => {\n  g();\n};\n",
        "\n  a,\n  b,\n}) => {\n",
        "const f = ({\n  a,\n  b,\n}) => {\n  g();\n};\n",
    ),
    Row("javascript", "return new Promise((resolve) => {█});\n", "\n  setTimeout(resolve, 1);\n", WHOLE),
    Row("javascript", "x = {a: {█}};\n", "\n  b: 1,\n}};\n", "x = {a: {\n  b: 1,\n}};\n"),
    Row(
        "typescriptreact",
        "const a = (\n  <ul>█</ul>\n);\n",
        "\n    {items.map((i) => (\n      <li key={i}>{i}</li>\n    ))}\n  </ul>\n);\n",
        "const a = (\n  <ul>\n    {items.map((i) => (\n      <li key={i}>{i}</li>\n    ))}\n  </ul>\n);\n",
    ),
    Row(
        "csharp",
        "var x = new List<int> {█};\n",
        "\n    1,\n    2,\n};\n",
        "var x = new List<int> {\n    1,\n    2,\n};\n",
    ),
    Row("csharp", "Foo(█);\n", "\n    a,\n    b);\n", "Foo(\n    a,\n    b);\n"),
    Row(
        "c", "struct a b = {█};\n", "\n    .x = 1,\n    .y = 2,\n};\n", "struct a b = {\n    .x = 1,\n    .y = 2,\n};\n"
    ),
    Row("java", "List.of(█);\n", "\n        1,\n        2);\n", "List.of(\n        1,\n        2);\n"),
    Row("yaml", "a: {█}\n", "\n  b: 1,\n  c: 2\n}\n", "a: {\n  b: 1,\n  c: 2\n}\n"),
    Row("lua", "local t = {█}\n", "\n  a = 1,\n  b = 2,\n}\n", "local t = {\n  a = 1,\n  b = 2,\n}\n"),
    Row("ruby", "x = {█}\n", "\n  a: 1,\n  b: 2,\n}\n", "x = {\n  a: 1,\n  b: 2,\n}\n"),
    Row("ruby", "foo([█])\n", "\n  1,\n  2,\n])\n", "foo([\n  1,\n  2,\n])\n"),
    Row("sql", "INSERT INTO t VALUES (█);\n", "\n  1,\n  2\n);\n", "INSERT INTO t VALUES (\n  1,\n  2\n);\n"),
    Row("shellscript", "a=(█)\n", "\n  b\n  c\n)\n", "a=(\n  b\n  c\n)\n"),
    Row("rust", "let p = Point {█};\n", "\n    x: 1,\n    y: 2,\n};\n", "let p = Point {\n    x: 1,\n    y: 2,\n};\n"),
]

LINES = [
    # Suggestions of one line, and those that ignore the rest of the line.
    Row("javascript", "foo(█);\n", "a, b);\nbar();\n", "foo(a, b);\n"),
    Row("javascript", "foo(█)\n", "a", WHOLE),
    Row("javascript", "foo(a, █, c);\n", "b", WHOLE),
    Row("javascript", "foo(█);\n", "\nbar();\n", SkipReason.NEXT_LINE),
    Row("javascript", "const [█] = useState(0);\n", "a, setA", WHOLE),
    Row("javascript", "if (█) {\n  b();\n}\n", "a\n  && c", "if (a) {\n  b();\n}\n", WHOLE),
    Row("javascript", "items.filter((x) => x.█).map(f);\n", "ok", WHOLE),
    Row("javascript", "items.filter(█);\n", "Boolean).map(f);", "items.filter(Boolean).map(f);\n"),
    Row("python", "print(█)\n", "a)\nprint(b)\n", "print(a)\n"),
    Row("python", "x = [█]\n", "a for a in b", WHOLE),
    Row("python", "# see (█)\n", "\n# more\n", SkipReason.NEXT_LINE),
    Row("go", "f(█)\n", "a, b", WHOLE),
    Row("java", "foo(new A() {█});\n", "\n    int x;\n});\n", "foo(new A() {\n    int x;\n});\n"),
    Row("rust", "let v = vec![█];\n", "1, 2", WHOLE),
    Row("html", "<b>█</b>\n", "bold", WHOLE),
    Row("typescriptreact", "<Button onClick={█}>a</Button>\n", "() => save()", WHOLE),
    Row("typescriptreact", "<Button onClick={█} />\n", "() => {\n  save();\n}", WHOLE),
    Row("sql", "SELECT count(█) FROM t;\n", "*", WHOLE),
    Row("ruby", "foo(█)\n", "a, b", WHOLE),
    Row("css", ".a { color: var(█); }\n", "--b", WHOLE),
    Row("yaml", "a: [█]\n", "1, 2", WHOLE),
]

ROWS = [*PAIRS, *MORE, *LINES]
