"""Holes of each kind in several languages."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from infill_server.commands.bench.quality.cutting import HoleSource, holes, read_sources
from infill_server.commands.bench.quality.hole import HoleKind

PYTHON = "def f(a):\n    b = a + 1\n    return b\n\n\ndef g(): return 1\n\n\nclass A:\n    x = 1\n\n    y = 2\n"
GO = "package a\n\nfunc f(a int) int {\n\tb := a + 1\n\treturn b\n}\n\nfunc g() {\n}\n"
RUBY = "def f(a)\n  b = a + 1\n  b\nend\n"
C = "int f(int a)\n{\n    a += 1;\n    return a;\n}\n"
TEXTS = {"a.py": PYTHON, "a.go": GO, "a.rb": RUBY, "a.c": C}


def source(name: str, added: tuple[int, ...] | None = None) -> HoleSource:
    return HoleSource(Path("/w") / name, TEXTS[name], added)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("kind", list(HoleKind))
def test_a_hole_is_part_of_its_file_and_the_same_for_the_same_seed(name: str, kind: HoleKind) -> None:
    found = holes([source(name)], 20, 3, kind)
    assert found
    assert found == holes([source(name)], 20, 3, kind)
    assert found != holes([source(name)], 20, 4, kind) or len(found) < 5
    for hole in found:
        assert hole.prefix + hole.expected + hole.suffix == TEXTS[name]
        assert hole.wanted
        assert hole.suffix[:1] in {"\n", ""}
    assert len({(hole.prefix, hole.expected) for hole in found}) == len(found)


def test_whole_lines_begin_after_their_indentation_and_have_words() -> None:
    found = holes([source(name) for name in TEXTS], 100, 1, HoleKind.LINE)
    assert all(not hole.prefix.split("\n")[-1].strip() and "\n" not in hole.expected for hole in found)
    assert {hole.expected for hole in found} >= {"b = a + 1", "return b", "x = 1", "b := a + 1", "a += 1;"}
    assert not any(hole.expected in {"}", "{"} for hole in found)


@pytest.mark.parametrize(
    ("name", "bodies"),
    [
        ("a.py", {"b = a + 1\n    return b", "x = 1\n\n    y = 2"}),
        ("a.go", {"b := a + 1\n\treturn b"}),
        ("a.rb", {"b = a + 1\n  b"}),
        ("a.c", {"a += 1;\n    return a;"}),
    ],
)
def test_a_block_is_the_whole_body_and_nothing_else(name: str, bodies: set[str]) -> None:
    assert {hole.expected for hole in holes([source(name)], 50, 1, HoleKind.BLOCK)} == bodies


@pytest.mark.parametrize("blanks", [0, 1, 2, 9])
def test_a_long_body_is_not_cut_at_a_blank_line(blanks: int) -> None:
    """Nothing of it is a body of ten lines, wherever its blank lines are."""
    body = [f"    line_{number} = {number}\n" for number in range(12)]
    for at in range(1, 12):
        text = "def f():\n" + "".join([*body[:at], "\n" * blanks, *body[at:]]) + "\nx = 1\n"
        assert holes([HoleSource(Path("/w/a.py"), text)], 9, 1, HoleKind.BLOCK) == []
    short = "def f():\n" + "".join(body[:9]) + "\n" * 30 + "x = 1\n"
    assert len(holes([HoleSource(Path("/w/a.py"), short)], 9, 1, HoleKind.BLOCK)) == 1


def test_only_added_lines_are_cut() -> None:
    added = source("a.py", added=(1,))
    assert {hole.expected for hole in holes([added], 9, 1, HoleKind.LINE)} == {"b = a + 1"}
    assert all("    b = a + 1".endswith(hole.expected) for hole in holes([added], 9, 1))
    assert holes([added], 9, 1, HoleKind.BLOCK) == []  # the body has a line that was there before
    assert len(holes([source("a.py", added=(1, 2))], 9, 1, HoleKind.BLOCK)) == 1
    assert holes([source("a.py", added=())], 9, 1) == []


@pytest.mark.parametrize("text", ["", "\n" * 3000, " \n\t\n" * 900, "x" * 5000, "\f\n" * 1000, "x = '" + "é" * 4000])
@pytest.mark.parametrize("kind", list(HoleKind))
def test_text_without_a_place_has_no_holes(text: str, kind: HoleKind) -> None:
    assert holes([HoleSource(Path("/w/a.py"), text)], 5, 1, kind) == []


def test_holes_are_spread_evenly_and_fewer_where_there_are_no_more() -> None:
    both = [HoleSource(Path("/w/a.py"), "x = 1\n" * 900), HoleSource(Path("/w/a.go"), "x := 1\n" * 90)]
    assert [hole.path.name for hole in holes(both, 40, 1)].count("a.go") == 20
    few = holes([HoleSource(Path("/w/b.py"), "x = 1\n")], 50, 1)
    assert {hole.expected for hole in few} == {"x = 1", " = 1", "= 1", " 1", "1"}


def test_a_cursor_is_inside_a_word_or_at_the_border_of_a_token() -> None:
    found = holes([HoleSource(Path("/w/b.py"), "x_1 = né(2)\n")], 50, 1)
    inside = {hole.expected for hole in found if hole.is_in_word}
    assert inside == {"_1 = né(2)", "1 = né(2)", "é(2)"}


def test_files_that_are_not_text_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes("é = 1\n".encode("latin-1"))
    (tmp_path / "image.py").write_bytes(b"x\0y")
    (tmp_path / "crlf.py").write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    if sys.platform == "linux":  # elsewhere names are always text
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py"))).write_text("c = 3\n")
    read = read_sources([*sorted(tmp_path.iterdir()), tmp_path / "gone.py"])
    assert [each.text for each in read] == ["a = 1\nb = 2\n"]
