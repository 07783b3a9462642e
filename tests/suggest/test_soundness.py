"""A suggestion must not break the syntax of a document, however long it is; the line that belongs there must pass."""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_completion.document.snapshot import SkipReason, Snapshot
from infill_completion.document.view import View
from infill_completion.languages.syntax import DocumentTrees
from infill_completion.suggest.completer import Completer
from infill_completion.suggest.filters import FilterContext
from infill_completion.suggest.filters.closers import cut_at_unopened_bracket
from infill_completion.suggest.filters.soundness import sound_part
from tests.languages.texts import STANDARD_MODULES, members, repeated
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE

LANGUAGES = ("python", "javascript", "typescript", "typescriptreact", "go", "rust", "java", "c", "cpp")
TEXTS = {"typescriptreact": "typescript"}


async def offered(marked: str, raw: str, language: str, *, invoked: bool = False) -> list[str] | SkipReason | None:
    completer = Completer(ScriptedEngine(says(raw)), AT_ONCE)
    answer = await completer.complete(at(marked, language, invoked=invoked))
    await completer.aclose()
    return [suggestion.text for suggestion in answer.suggestions] or answer.reason


async def kept(trees: DocumentTrees, text: str, offset: int, suggestion: str, language: str = "python") -> str:
    """Return what is left of an automatic suggestion that only has to be sound."""
    snapshot = Snapshot("file:///a", 1, language, text, offset)
    view = await trees.parsed(View.of(snapshot, 10_000, 3000), snapshot)
    cut = cut_at_unopened_bracket(suggestion, FilterContext(view.window, language))
    return sound_part(view.window, cut, 0, language) if cut else ""


def is_valid(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            return False
    return True


def code_lines(text: str) -> Iterator[int]:
    """Yield the numbers of the lines, from 0, that are neither blank nor a comment."""
    for number, line in enumerate(text.split("\n")):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number


@pytest.fixture(params=STANDARD_MODULES, ids=lambda path: path.name)
def module(request: pytest.FixtureRequest) -> str:
    """Return the text of a module of the standard library."""
    path: Path = request.param
    return path.read_text("utf-8")


async def test_a_stray_closer_at_a_line_start_is_refused_and_the_true_line_never_is(module: str) -> None:
    text = module
    lines = text.split("\n")
    trees = DocumentTrees()
    refused = 0
    for number in random.Random(len(text)).sample(list(code_lines(text)), 24):
        line, above = lines[number], "".join(f"{line}\n" for line in lines[:number])
        below = "\n".join(lines[number + 1 :])
        for closer in ")]}":
            if not is_valid(f"{above}{closer}\n{line}\n{below}"):  # It is harmless in a docstring.
                assert await kept(trees, f"{above}\n{line}\n{below}", len(above), closer) == "", (number, closer)
                refused += 1
        indent = line[: len(line) - len(line.lstrip())]
        cursor = len(above) + len(indent)
        assert await kept(trees, f"{above}{indent}\n{below}", cursor, line.lstrip()) == line.lstrip(), number
        middle = len(indent) + len(line.lstrip()) // 2
        half = f"{above}{line[:middle]}\n{below}"
        assert await kept(trees, half, len(above) + middle, line[middle:]) == line[middle:], number
    trees.close()
    assert refused >= 30


@pytest.mark.parametrize("characters", [0, 3000, 10_000, 100_000])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_stray_closer_is_refused_in_a_document_of_any_length(language: str, characters: int) -> None:
    written = TEXTS.get(language, language)
    above, below = repeated(written, characters), repeated(written, characters // 2)
    for closer in ")]}":
        assert await offered(f"{above}|\n\n{below}", closer, language) is SkipReason.FILTERED, closer
    inside = members(written, max(characters, 1000))
    offset = inside.index("\n", inside.index("}" if language != "python" else "return", len(inside) // 2)) + 1
    for closer in ")]}":
        got = await offered(f"{inside[:offset]}|\n{inside[offset:]}", closer, language)
        assert got is SkipReason.FILTERED, closer


@pytest.mark.parametrize("characters", [0, 3000, 10_000, 100_000, 1_000_000])
@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("function h(a: number) {\n  if (a) {\n    g();\n  }\n  |\n}\n", "}"),
        ("class A {\n  m() {\n    g();\n  }\n|\n  n() {}\n}\n", "}"),
        ("const x = [\n  1,\n  |\n];\n", "]"),
        ("const a = f(1|);\n", "), g(2"),
        ("const a = f(1, |\nconst b = 2;\n", "2 3 4);"),
    ],
)
async def test_typescript_stays_sound_however_long_the_document_is(text: str, raw: str, characters: int) -> None:
    above = repeated("typescript", characters) if characters else ""
    assert await offered(above + text, raw, "typescript") is SkipReason.FILTERED


@pytest.mark.parametrize("is_invoked", [False, True], ids=["automatic", "invoked"])
@pytest.mark.parametrize("characters", [0, 10_000, 100_000])
@pytest.mark.parametrize(
    ("language", "text", "raw", "expected"),
    [
        ("typescript", "const x = f(1|;\n", ")) + 2", ")"),
        ("typescript", "f(1, |;\n", "2)), 3", "2)"),
        ("python", "x = f(1|\n", ")) + 2", ")"),
        ("go", "var x = f(1|\n", "))", ")"),
        ("rust", "static X: u8 = f(1|;\n", ")) + 2", ")"),
        ("java", "int x = f(1|;\n", "))", ")"),
    ],
)
async def test_a_bracket_that_nothing_opens_is_cut_however_long_the_document_is(
    language: str, text: str, raw: str, expected: str, characters: int, is_invoked: bool
) -> None:
    above = repeated(language, characters) if characters else ""
    assert await offered(above + text, raw, language, invoked=is_invoked) == [expected]


# What may be shown: it is sound, or the user may still finish it. `█` is in nothing, so `|` marks the cursor.
UNFINISHED = [
    ("python", "x = |\n", "foo(a,"),
    ("python", "|\n", "if ready:"),
    ("python", "|\n", "@dataclass"),
    ("python", "total = add(|\n", "first, second"),
    ("python", "name = '|\n", "value"),
    ("python", "if ready|\n    go()\n", " and able:"),
    ("python", "|\n", "x = [1, 2"),
    ("javascript", "|\n", "if (ready) {"),
    ("javascript", "const total = |\n", "add(first"),
    ("javascript", "foo(|\n", "first, () => {"),
    ("typescript", "const total: |\n", "number = 1"),
    ("typescript", "class A {\n  |\n}\n", "private count = 0"),
    ("go", "func f() {\n\t|\n}\n", "if err != nil {"),
    ("rust", "fn f() {\n    let a = |\n}\n", "1;"),
    ("rust", "fn f() {\n    let a = |\n}\n", "1"),
    ("rust", "fn f() {\n    match x {\n        |\n    }\n}\n", "Some(value) => value,"),
    ("java", "class A {\n  |\n}\n", "private int count"),
    ("c", "|\n", "#define MOST 10"),
    ("c", "|\n", "#ifdef DEBUG"),
    ("cpp", "class A {\n |\n};\n", "public:"),
]


@pytest.mark.parametrize("characters", [0, 20_000])
@pytest.mark.parametrize(("language", "text", "raw"), UNFINISHED)
async def test_what_the_user_may_finish_is_shown(language: str, text: str, raw: str, characters: int) -> None:
    above = repeated(language, characters) if characters else ""
    offset = len(above) + text.index("|")
    trees = DocumentTrees()
    assert await kept(trees, above + text.replace("|", ""), offset, raw, language) == raw
    trees.close()


@pytest.mark.parametrize(
    ("language", "broken", "text", "good", "bad"),
    [
        ("python", "total = add(1, ==", "x = |\n", "f(1)", "f(1]"),
        ("python", "total = = 1", "x = |\n", "f(1)", "f(1))"),
        ("python", "def (:", "x = |\n", "[1, 2]", "[1, 2)]"),
        ("python", "class :", "def g(a):\n    |\n", "return a", "return a)"),
        ("typescript", "const = (", "const x = |;\n", "f(1)", "f(1]"),
        ("typescript", "const = ;", "const x = |;\n", "f(1)", "f(1))"),
        ("javascript", "const = ;", "|\n", "f(1);", "}"),
        ("rust", "fn (", "fn g() {\n    |\n}\n", "f(1);", "f(1]);"),
        ("go", "func (", "func g() {\n\t|\n}\n", "f(1)", "f(1])"),
        ("java", "int = ;", "int g() {\n  |\n}\n", "return f(1);", "return f(1]);"),
        ("c", "int = ;", "int g(void) {\n  |\n}\n", "return f(1);", "return f(1]);"),
    ],
)
@pytest.mark.parametrize("distance", [400, 3000, 30_000])
@pytest.mark.parametrize("is_above", [True, False], ids=["above", "below"])
async def test_an_error_elsewhere_neither_switches_the_guard_off_nor_hides_what_is_good(
    language: str, broken: str, text: str, good: str, bad: str, distance: int, is_above: bool
) -> None:
    between = repeated(language, distance)
    cursor = text.index("|")
    whole = text.replace("|", "")
    text, offset = (f"{broken}\n\n{between}{whole}", len(f"{broken}\n\n{between}") + cursor)
    if not is_above:
        text, offset = f"{whole}\n{between}{broken}\n", cursor
    trees = DocumentTrees()
    assert await kept(trees, text, offset, good, language) == good
    assert await kept(trees, text, offset, bad, language) != bad
    trees.close()


@pytest.mark.parametrize("language", ["javascript", "typescript", "go", "rust", "java", "c"])
@pytest.mark.parametrize("characters", [0, 20_000])
async def test_a_block_that_is_not_closed_yet_may_be(language: str, characters: int) -> None:
    """The user writes a function between others, in an editor that closes no brackets."""
    function = repeated(language, 1).rstrip().removesuffix("}").rstrip()
    above, below = (repeated(language, characters), repeated(language, characters)) if characters else ("", "")
    trees = DocumentTrees()
    text = f"{above}{function}\n\n{below}"
    assert await kept(trees, text, len(above) + len(function) + 1, "}", language) == "}"
    trees.close()


@pytest.mark.parametrize("is_invoked", [False, True], ids=["automatic", "invoked"])
@pytest.mark.parametrize("characters", [0, 20_000])
@pytest.mark.parametrize(
    ("language", "text", "bad", "good"),
    [
        ("typescript", "const x = f(1|);\n", "), g(2", ") + g(2"),
        ("typescript", "const x = [1|];\n", "], [2", "][0"),
        ("typescript", "class A {\n  x = f(1|);\n}\n", "), g(2", ").g(2"),
        ("typescript", "function f(a: number|): number {\n  return 1;\n}\n", "), g(2", ", b: g<2>"),
        ("python", "def f(a: T[int|]):\n    pass\n", "]), g(c[1", "], b: T[str"),
        ("python", "def f(a, b|):\n    pass\n", "), g(c", ", c=g(1)"),
        ("python", "class A(B|):\n    pass\n", "), g(c", ", g(c)"),
        ("python", "for x in f(1|):\n    pass\n", ") g(2", ") or g(2"),
        ("go", "func f(a int|) int {\n\treturn 1\n}\n", "), g(2", ", b int"),
        ("go", "func f() {\n\tif g(1|) {\n\t\th()\n\t}\n}\n", "), g(2", ") && g(2"),
        ("rust", "fn f(a: i32|) -> i32 {\n    1\n}\n", "), g(2", ", b: (i32, i32)"),
        ("rust", "fn f() {\n    let x = f(1|);\n}\n", "), g(2", ").g(2"),
        ("java", "class A {\n    void g(int a|) {\n    }\n}\n", "), g(2", ", int b"),
        ("c", "int x = f(1|);\n", "), g(2", "), y = g(2"),
        ("c", "int f(int a|) {\n    return 1;\n}\n", "), g(2", ", int (*g)(int)"),
    ],
)
async def test_a_suggestion_may_take_a_closer_of_the_line_only_if_the_line_stays_sound(
    language: str, text: str, bad: str, good: str, characters: int, is_invoked: bool
) -> None:
    above = repeated(language, characters) if characters else ""
    assert await offered(above + text, bad, language, invoked=is_invoked) is SkipReason.FILTERED
    assert await offered(above + text, good, language, invoked=is_invoked) == [good]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text", ["\n" * 9000, " " * 9000, "\n" * 9000 + "x", "{" + "\n" * 9000, "}" * 9000, "\\\n" * 4000]
)
async def test_a_document_of_almost_nothing_gets_its_suggestion(language: str, text: str) -> None:
    trees = DocumentTrees()
    for offset in (0, len(text) // 2, len(text)):
        for suggestion in ("x", "}", "f(x)\n}"):
            assert await kept(trees, text, offset, suggestion, language) in {"x", "}", "f(x)\n}", "f(x)\n", "f(x)", ""}
    assert await kept(DocumentTrees(), "\n" * 9000, 8000, "x", language) == "x"
