"""Which lines a suggestion grows by, and where it ends: documents before and after, with a model that is sure."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from infill_completion.suggest.completer import Completer
from tests.suggest.growing.writer import Writer, paused
from tests.suggest.scripted import accept, at
from tests.suggest.typist import AT_ONCE


@dataclass(frozen=True)
class Row:
    """A document with a cursor, what a sure model writes there, and what is shown after a pause."""

    language: str
    marked: str
    writes: str
    shown: str | None


GROWS = [
    Row("python", "def f(a):\n    x = |\n", "a + 1\n    return x\n", "a + 1\n    return x"),
    Row("python", "def f(a):\n\tx = |\n", "a + 1\n\treturn x\n", "a + 1\n\treturn x"),
    Row("python", "x = |\ny = 1\n", "a\nz = b\n", "a\nz = b"),
    Row("python", "if a:\n    b = |\n", "1\n    c = 2\nelse:\n    b = 3\n", "1\n    c = 2"),
    Row("python", "def f(a):\n    if |\n", "a:\n        b()\n    c()\n", "a:\n        b()\n    c()"),
    Row("python", "call(\n    a=|\n", "1,\n    b=2,\n)\nmore()\n", "1,\n    b=2,\n)"),
    Row("typescript", "function f(a: number) {\n  const x = |\n", "a + 1;\n  return x;\n}\n", "a + 1;\n  return x;\n}"),
    Row("typescript", "function f(a: number) {\n  const x = |\n}\n", "a + 1;\n  return x;\n", "a + 1;\n  return x;"),
    Row("go", "func f(a int) int {\n\tx := |\n}\n", "a + 1\n\treturn x\n", "a + 1\n\treturn x"),
    Row("rust", "fn f(a: u8) -> u8 {\n    let x = |\n}\n", "a + 1;\n    x * 2\n", "a + 1;\n    x * 2"),
    Row("lua", "local function f(a)\n  local x = |\nend\n", "a + 1\n  return x\n", "a + 1\n  return x"),
    Row("json", '{\n  "a": |\n}\n', '1,\n  "b": 2\n', '1,\n  "b": 2'),
    # What ends on a later line ends there.
    Row(
        "python",
        "def f(a):\n    x = |\n",
        "call(\n        a,\n    )\n    return x\n",
        "call(\n        a,\n    )\n    return x",
    ),
]
STAYS = [
    # Not past a blank line, nor into the next block.
    Row("python", "def f(a):\n    x = |\n", "a + 1\n\n    return x\n", "a + 1"),
    Row("python", "def f(a):\n    return |\n", "a\ndef g(a):\n    pass\n", "a"),
    Row("python", "if a:\n    b = |\n", "1\nelse:\n    b = 3\n", "1"),
    Row("typescript", "if (a) {\n  b = |\n}\n", "1;\n}\nc();\n", "1;"),
    # What is below already is not repeated.
    Row("python", "def f(a):\n    x = |\n    return x\n", "a + 1\n    return x\n", "a + 1"),
    Row("go", "func f(a int) int {\n\tx := |\n\treturn x\n}\n", "a + 1\n\treturn x\n", "a + 1"),
    Row("rust", "fn f(a: u8) -> u8 {\n    let x = |\n    x\n}\n", "a + 1;\n    x\n}\n", "a + 1;"),
    # What is below belongs to the line already.
    Row("python", "for a in |\n    b(a)\n", "c:\n    d(a)\n", "c:"),
    Row("rust", "for a in |\n    b(a);\n}\n", "c {\n    d(a);\n}\n", "c {"),
    # Never in the middle of a line.
    Row("python", "print(|)\n", "a\nprint(b)\n", "a"),
    Row("typescript", "foo(|);\n", "a);\nbar(b);\n", "a"),
    # In comments, strings and prose it says nothing.
    Row("python", "def f():\n    # The first |\n    pass\n", "line of it.\n    # The second one.\n", "line of it."),
    Row("go", "func f() {\n\t// The first |\n}\n", "line of it.\n\t// The second one.\n", "line of it."),
    Row("markdown", "A first |\n", "line.\nA second one.\n", "line."),
    # It ends where the code could end.
    Row("python", "def f(a):\n    x = |\n", "a + 1\n    return (\n        x +\n\n", "a + 1"),
    Row("python", "class A:\n    x = |\n", "1\n    @property\n\n", "1"),
    Row("typescript", "const x = |\n", "1;\nfoo(\n\n", "1;"),
    Row("elixir", "x = |\n", "1\nfoo(a\n\n", "1"),
    Row("elixir", "x = |\n", "1\nfoo a,\n\n", "1"),
]


@pytest.mark.parametrize(
    "row", [*GROWS, *STAYS], ids=lambda row: f"{row.language}: {row.marked[-30:]!r} + {row.writes!r}"
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
async def test_it_grows_to_what_a_user_would_take(row: Row, ending: str) -> None:
    completer = Completer(Writer(row.marked, row.writes).engine, AT_ONCE)
    snapshot = at(row.marked.replace("\n", ending), row.language)
    before = await completer.complete(snapshot)
    told = await paused(completer, snapshot)
    answer = await completer.complete(snapshot)
    await completer.aclose()
    expected = row.marked.replace("|", row.shown or "").replace("\n", ending)
    assert accept(snapshot, answer) == expected
    assert answer.suggestions[0].text.startswith(before.suggestions[0].text)
    assert told == (answer.suggestions[0].text != before.suggestions[0].text)
