"""From old and new lines to edits: applied, they make the new lines; each is as small as can be read."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from infill_completion.document.lines import split_lines
from infill_completion.edits.by_model.differences import changed_places
from infill_completion.edits.parsed import applied
from infill_completion.edits.proposal import EditKind, Proposal

HEAD, TAIL = "import os\n\n\n", "\n\nmain()\n"


def edited(text: str, first: int, old: str, new: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the document with the edits, and each edit as the text before and after."""
    lines = split_lines(old) if not old.endswith(("\n", "\r")) else split_lines(old)[:-1]
    places = changed_places(text, first, lines, new.split("\n") if new else [])
    proposals = [Proposal(*place, EditKind.MODEL) for place in places]
    return applied(text, proposals), [(text[start:end], after) for start, end, after in places]


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("a = 1\nb = 2\n", "a = 1\nb = 2", []),
        ("total = 1\n", "count = 1", [("total", "count")]),
        ("total_sum = 1\n", "total_count = 1", [("total_sum", "total_count")]),
        ("f(a)\n", "f(a, b)", [("", ", b")]),
        ("f(a, b)\n", "f(a)", [(", b", "")]),
        ("x = '😀' + a\n", "x = '😀' + b", [("a", "b")]),
        ("x = '😀'\n", "x = '🙂'", [("😀", "🙂")]),
        ("a = f(1)\nb = f(2)\nc = 3\n", "a = g(1)\nb = g(2)\nc = 3", [("f", "g"), ("f", "g")]),
        ("one\ntwo\n", "one\n1.5\ntwo", [("", "1.5\n")]),
        ("one\ntwo\nthree\n", "one\nthree", [("two\n", "")]),
        ("one\ntwo\n", "zero\none\ntwo", [("", "zero\n")]),
        ("one\ntwo\n", "one\ntwo\nthree", [("", "three\n")]),
        ("\tif a:\n\t\tb()\n", "\tif a is None:\n\t\tb()", [("", " is None")]),
        ("  a\n", "    a", [("", "  ")]),
        ("one\ntwo\n", "first\nand\nforemost", [("one\ntwo", "first\nand\nforemost")]),
        ("one\ntwo\n", "", [("one\ntwo\n", "")]),
        ("a  \n", "a", [("  ", "")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("tail", [TAIL, ""], ids=["inside", "at the end"])
def test_only_what_differs_is_an_edit(old: str, new: str, edits: list[tuple[str, str]], ending: str, tail: str) -> None:
    head, old, tail = (part.replace("\n", ending) for part in (HEAD, old, tail))
    text, found = edited(head + old + tail, len(head), old, new)
    lines = "".join(f"{line}\n" for line in new.split("\n")) if new else ""
    assert text == head + lines.replace("\n", ending) + tail
    assert found == [(before.replace("\n", ending), after.replace("\n", ending)) for before, after in edits]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("old", "new"),
    [("a\nb", "a\nc"), ("a\nb", "a"), ("a\nb", "a\nb\nc"), ("a", ""), ("", "a"), ("a\n\nb", "b"), ("a", "x\na")],
)
def test_a_last_line_without_an_end_keeps_having_none(old: str, new: str, ending: str) -> None:
    head = HEAD.replace("\n", ending)
    old = old.replace("\n", ending)
    places = changed_places(head + old, len(head), split_lines(old), new.split("\n") if new else [])
    text = applied(head + old, [Proposal(*place, EditKind.MODEL) for place in places])
    wanted = head + new.replace("\n", ending)
    assert text == (wanted if new else wanted.removesuffix(ending))


def test_the_edits_make_the_new_lines_whatever_they_are() -> None:
    choose = random.Random(1)
    lines = ["", "a", "  b(c)", "\td = '😀'", "}", "e f g", "ab", "abc"]
    for _ in range(500):
        ending = choose.choice(["\n", "\r\n"])
        old, new = ([choose.choice(lines) for _ in range(choose.randint(1, 6))] for _ in range(2))
        whole = "".join(line + ending for line in old)
        head, tail = "h" + ending, "t" + ending
        places = changed_places(head + whole + tail, len(head), split_lines(whole)[:-1], new)
        proposals = [Proposal(*place, EditKind.MODEL) for place in places]
        ends = [(one.end, two.start) for one, two in pairwise(proposals)]
        assert all(end <= start for end, start in ends)
        assert applied(head + whole + tail, proposals) == head + "".join(line + ending for line in new) + tail
