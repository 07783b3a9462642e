"""What import statements bind, in each language."""

from __future__ import annotations

import pytest

from infill_completion.edits.imports.reading.file_imports import read_imports, statements_of
from infill_completion.edits.imports.reading.statement import DEFAULT, NAMESPACE, WHOLE

NAMES = {
    "python": (
        '"""\nimport z\n"""\nimport a.b\nimport c as d\nfrom e import (\n    f,  # why\n    g as h,\n)\nfrom . import i\nimport j, \\\n    k\n',
        [("a", "a.b", WHOLE), ("d", "c", WHOLE), ("f", "e", "f"), ("h", "e", "g"), ("i", ".", "i"), ("j", "j", WHOLE), ("k", "k", WHOLE)],
    ),
    "script": (
        "// import z from 'z';\nimport a from 'b';\nimport * as c from \"d\"\nimport e, { f, type g as h } from './i.js';\n"
        "import type {\n  j,\n} from 'k';\nimport 'l';\nconst s = `\nimport m from 'n';\n`;\nexport { o } from 'p';\n",
        [("a", "b", DEFAULT), ("c", "d", NAMESPACE), ("e", "./i.js", DEFAULT), ("f", "./i.js", "f"), ("h", "./i.js", "g"), ("j", "k", "j")],
    ),
    "java": (
        "package p;\n/* import z.Z; */\nimport a.b.C;\nimport static d.E.f;\nimport g.*;\nclass H {}\n",
        [("C", "a.b", "C"), ("f", "d.E", "f")],
    ),
    "go": (
        'package p\n\nimport "a/b"\nimport (\n\tc "d/e"\n\t_ "f"\n\t// "z"\n\t"g/v2"\n\t"h.v3"\n)\n\nvar x = b.X + c.X + g.X + h.X\n',
        [("b", "a/b", WHOLE), ("c", "d/e", WHOLE), ("g", "g/v2", WHOLE), ("h", "h.v3", WHOLE)],
    ),
    "rust": (
        'use a::b::C;\nuse d::{e::F, g::{self, H}, I as J};\nuse k::*;\npub use l::M;\nmod n;\nuse n::O;\nuse p::Q as _;\nlet s = r#"\nuse z::Z;\n"#;\n',
        [("C", "a::b", "C"), ("F", "d::e", "F"), ("g", "d", "g"), ("H", "d::g", "H"), ("J", "d", "I"), ("O", "self::n", "O")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("family", "text", "names"), [(family, *row) for family, row in NAMES.items()], ids=NAMES)
def test_the_names_of_a_file_are_those_that_its_statements_bind(
    family: str, text: str, names: list[tuple[str, str, str]], ending: str
) -> None:
    found = read_imports("/w/a", family, text.replace("\n", ending)).names
    assert [(name.name, name.module, name.member) for name in found] == names


@pytest.mark.parametrize(("family", "text"), [(family, row[0]) for family, row in NAMES.items()], ids=NAMES)
def test_statements_are_where_the_text_has_them(family: str, text: str) -> None:
    for statement in statements_of(text, family):
        written = text[statement.start : statement.end]
        assert written.strip() == written
        assert all(name.member in written or name.name in written for name in statement.names)
        if statement.members is not None:
            assert all(name.member in text[slice(*statement.members)] for name in statement.names[-1:])


DECLARED = {
    "go": ("package p\n\nfunc F() {}\nfunc (s S) m() {}\nvar a, b = 1, 2\nconst (\n\tc = 1\n\td = 2\n)\n", "a.go", {"F", "a", "b", "c", "d"}),
    "java": ("package p;\npublic final class A {\n  class B {}\n}\nenum C {}\n", "A.java", {"A", "C"}),
    "script": ("declare const a: string;\ninterface B {}\n", "a.d.ts", {"a", "B"}),
    "a module": ("export const a: string;\n", "a.d.ts", set()),
    "for all": ("export {};\ndeclare global {\n  interface W {}\n}\n", "a.ts", {"W"}),
}  # fmt: skip


@pytest.mark.parametrize(("family", "row"), DECLARED.items(), ids=DECLARED)
def test_what_other_files_know_without_an_import_is_declared(family: str, row: tuple[str, str, set[str]]) -> None:
    text, path, names = row
    family = family if family in {"go", "java"} else "script"
    assert read_imports(f"/{path}", family, text).declared == names


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize(
    "piece", ["import ", "use a::{", "{" * 10 + "a,", "from a import (", "`", "/*", '"', "import {a,\n"]
)
def test_long_texts_take_time_in_proportion(family: str, piece: str) -> None:
    assert len(statements_of(piece * (60_000 // len(piece)), family)) < 60_000


# One piece that is repeated between two others: none of these may be searched from each of its places.
SLOW = {
    "other statements between imports": ("", "import ('a'); import ()\n", "f()\n"),
    "escapes in a string without an end": ('x = "', '\\"', "\n"),
    "a comment after import": ("import\n/* ", "x", " */\nconst y = 1\n"),
    "blanks after import": ("import ", " ", ";\n"),
    "blanks after use": ("use ", " ", "{\n"),
    "blanks after a name": ("from a import b", " ", ";\n"),
    "a word in a block": ("import (\n", "a", "\n)\n"),
    "blocks without an end": ("", "var (\n", "\n"),
    "names of a block": ("import (\n", '\t"a/bcdefgh"\n', ")\n"),
}


@pytest.mark.parametrize("family", NAMES)
@pytest.mark.parametrize("pieces", SLOW.values(), ids=SLOW)
def test_large_files_take_time_in_proportion(family: str, pieces: tuple[str, str, str]) -> None:
    first, piece, last = pieces
    statement = {"go": 'import "z"\n\nvar a = z.A\n', "rust": "use a::z;\n", "java": "import a.z;\n"}
    text = statement.get(family, "import z from 'z';\n" if family == "script" else "import z\n")
    found = read_imports("/a", family, text + first + piece * (300_000 // len(piece)) + last)
    assert "z" in [name.name for name in found.names]


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("script", "const s = 'a \\\nimport z from \"z\"\\\n';\n"),
        ("python", "s = 'a\\\nimport z\\\n'\n"),
        ("script", "const e = /\\\"/;\nimport y from 'y';\n/* \"\nimport z from 'z';\n*/\n"),
    ],
)
def test_what_a_string_or_comment_says_is_no_import(family: str, text: str) -> None:
    assert "z" not in [name.name for name in read_imports("/a", family, text).names]
