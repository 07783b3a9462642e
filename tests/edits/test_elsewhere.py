"""A name that another document defines and has renamed changes where this one imports it."""

from __future__ import annotations

import pytest

from tests.edits.marked import Buffer, Change, Window, read

PYTHON = "def «load⟶read»(p):\n    return p\n"
SCRIPT = "export function «load⟶read»(p) {\n  return p;\n}\n"
GO = "package a\n\nfunc «load⟶read»(p int) int {\n\treturn p\n}\n"
DUE = {
    "a member": (
        ("python", "pkg/a.py", PYTHON),
        (
            "python",
            "pkg/b.py",
            "from pkg.a import [[load⟶read]], x\n\n[[load⟶read]](1)\nz.load([[load⟶read]])\nf(load=1)\n",
        ),
    ),
    "a member of a module beside it": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "from .a import [[load⟶read]]\n\n[[load⟶read]](1)\n"),
    ),
    "a member under another name": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "from pkg.a import [[load⟶read]] as z\n\nz(1)\n"),
    ),
    "by way of the module": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "from pkg import a\n\nx = a.[[load⟶read]](1)\nload(1)\n"),
    ),
    "by way of the module with its package": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "import pkg.a\nimport pkg.c as q\n\nx = pkg.a.[[load⟶read]](1)\nq.load(1)\n"),
    ),
    "a class of a package": (
        ("python", "pkg/__init__.py", "class «Load⟶Read»:\n    pass\n"),
        ("python", "b.py", "from pkg import [[Load⟶Read]]\n\nclass B([[Load⟶Read]]):\n    x: [[Load⟶Read]]\n"),
    ),
    "an export": (
        ("typescript", "a.ts", SCRIPT),
        ("typescriptreact", "b/c.tsx", "import { [[load⟶read]] } from '../a';\n\nuse([[load⟶read]](1), x.load);\n"),
    ),
    "all of a module": (
        ("javascript", "a.js", SCRIPT),
        ("javascript", "b.js", "import * as a from './a.js';\n\na.[[load⟶read]](1);\n"),
    ),
    "a package": (
        ("go", "a/a.go", GO),
        ("go", "a/b.go", "package a\n\nfunc f() int {\n\treturn [[load⟶read]](1) + x.load(2)\n}\n"),
    ),
}
NOT_DUE = {
    "another module": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "from other.a import load\n\nload(1)\n"),
    ),
    "a module without a package": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "b.py", "from a import load\n\nload(1)\n"),
    ),
    "a local variable": (
        ("python", "pkg/a.py", "def f():\n    «load⟶read» = 1\n"),
        ("python", "pkg/b.py", "from pkg.a import load\n\nload(1)\n"),
    ),
    "the old name is still there": (
        ("python", "pkg/a.py", PYTHON + "\n\nload = read\n"),
        ("python", "pkg/b.py", "from pkg.a import load\n\nload(1)\n"),
    ),
    "the new name means something": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "from pkg.a import load\n\nread = load(1)\n"),
    ),
    "a name that is bound again": (
        ("python", "pkg/a.py", PYTHON),
        ("python", "pkg/b.py", "from pkg.a import load\n\ndef f(load):\n    return load\n"),
    ),
    "another folder": (
        ("typescript", "a.ts", SCRIPT),
        ("typescript", "c/b.ts", "import { load } from './a';\n\nload(1);\n"),
    ),
    "another package": (
        ("go", "a/a.go", GO),
        ("go", "a/b.go", "package a_test\n\nfunc f() int {\n\treturn load(1)\n}\n"),
    ),
    "a parameter": (
        ("go", "a/a.go", GO),
        ("go", "a/b.go", "package a\n\nfunc f(load int) int {\n\treturn load\n}\n"),
    ),
}
File = tuple[str, str, str]


def opened(changed: File, other: File) -> tuple[Buffer, list[Change]]:
    """Return a document that is looked at after a name has changed in another one, and what is due there."""
    window = Window()
    language_id, path, marked = changed
    text, made, _ = read(marked)
    buffer = Buffer(text, language_id, f"file:///w/{path}", window)
    buffer.type_over(made[0].start, made[0].old, made[0].new)
    buffer.ask()
    language_id, path, marked = other
    text, _, expected = read(marked)
    return Buffer(text, language_id, f"file:///w/{path}", window), expected


@pytest.mark.parametrize(("changed", "other"), DUE.values(), ids=DUE)
def test_a_renamed_definition_reaches_the_documents_that_import_it(changed: File, other: File) -> None:
    buffer, expected = opened(changed, other)
    found = [(one.start, one.end, one.text) for one in buffer.ask().shown]
    assert found == [(one.start, one.start + len(one.old), one.new) for one in expected]


@pytest.mark.parametrize(("changed", "other"), NOT_DUE.values(), ids=NOT_DUE)
def test_what_may_be_another_name_stays(changed: File, other: File) -> None:
    buffer, expected = opened(changed, other)
    assert (expected, buffer.ask().shown) == ([], ())


def test_the_import_and_then_its_uses_are_taken_one_by_one() -> None:
    changed, other = DUE["a member"]
    buffer, expected = opened(changed, other)
    for _ in expected:
        buffer.take(buffer.ask().shown[0])
    assert buffer.text == "from pkg.a import read, x\n\nread(1)\nz.load(read)\nf(load=1)\n"
    assert buffer.ask().shown == ()
