"""What follows from the change of a definition stays due while the user does other things."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.edits.marked import Buffer, played

TEXT = "def f(count):\n    x = count+1\n    return count\n\n\ndef g():\n    return  1\n"


def proposed(buffer: Buffer) -> list[tuple[int, str]]:
    """Return the line and the new text of each proposal."""
    return [(buffer.text.count("\n", 0, one.start), one.text) for one in buffer.ask().shown]


def renamed() -> Buffer:
    buffer = Buffer(TEXT)
    buffer.type_over(TEXT.index("count"), "count", "total")
    assert sorted(proposed(buffer)) == [(1, "total"), (2, "total")]
    return buffer


def replace(buffer: Buffer, old: str, new: str) -> None:
    at = buffer.text.index(old)
    buffer.replace(at, at + len(old), new)


def format_elsewhere(buffer: Buffer) -> None:
    replace(buffer, "return  1", "return 1")


def format_next_to_it(buffer: Buffer) -> None:
    replace(buffer, "count+1", "count + 1")
    replace(buffer, "return  1", "return 1")


def format_everything_at_once(buffer: Buffer) -> None:
    formatted = buffer.text.replace("+", " + ").replace("  1", " 1")
    buffer.replace(0, len(buffer.text), formatted)


def add_a_blank_line(buffer: Buffer) -> None:
    replace(buffer, "def g():\n", "\ndef g():\n")


def change_something_else(buffer: Buffer) -> None:
    replace(buffer, "return  1", "return 22")


@pytest.mark.parametrize(
    "go_on",
    [format_elsewhere, format_next_to_it, format_everything_at_once, add_a_blank_line, change_something_else],
)
def test_the_uses_of_a_new_name_stay_due(go_on: Callable[[Buffer], None]) -> None:
    buffer = renamed()
    go_on(buffer)
    buffer.offset = len(buffer.text)
    assert proposed(buffer) == [(1, "total"), (2, "total")]


def test_nothing_is_left_over_while_new_code_is_written() -> None:
    buffer = renamed()
    buffer.type_over(len(buffer.text), "", "z = 3\n")
    assert proposed(buffer) == []


def test_nothing_is_left_over_after_an_undo() -> None:
    buffer = renamed()
    change_something_else(buffer)
    replace(buffer, "22", " 1")
    assert proposed(buffer) == []


def test_what_was_passed_over_for_four_other_changes_is_not_left_over() -> None:
    others = {"a = 1": "a = 22", "b = []": "b = {}", "c += d": "c -= d", "e = f.g": "e = f.h"}
    buffer = Buffer("def f(count):\n    return count\n" + "".join(f"\n\n{line}\n" for line in others))
    buffer.type_over(buffer.text.index("count"), "count", "total")
    found = []
    for old, new in others.items():
        replace(buffer, old, new)
        found.append(proposed(buffer))
    assert found == [[(1, "total")]] * 3 + [[]]


def test_what_was_taken_back_is_not_left_over() -> None:
    buffer = renamed()
    replace(buffer, "total", "count")
    change_something_else(buffer)
    assert proposed(buffer) == []


def test_a_use_that_changed_says_nothing_later() -> None:
    buffer, _ = played("def f(count):\n    a(«count⟶total»)\n    b(count)\n\nx = «1⟶22»\n", "python")
    assert proposed(buffer) == []


def test_calls_stay_due_when_the_body_has_changed() -> None:
    marked = "def f(a«1:, b⟶»):\n    x = 1\n    return a«2: + b⟶»\n\nf(1[[, 2⟶]])\nf(3[[, b=4⟶]])\n"
    buffer, expected = played(marked, "python")
    assert [(one.start, one.text) for one in buffer.ask().proposals] == [(one.start, one.new) for one in expected]


def test_a_signature_that_has_changed_again_says_nothing_of_what_it_was_between() -> None:
    buffer, _ = played("def f(a«1:, b⟶»):\n    return a\n\nx = «2:1⟶22»\nf(1, 2)\n", "python")
    replace(buffer, "(a)", "(a, c)")
    replace(buffer, "22", "33")
    assert proposed(buffer) == []


def test_nothing_is_left_over_for_a_name_that_is_defined_anew() -> None:
    buffer = Buffer("class A:\n    def old(self):\n        return 1\n\n    def go(self):\n        return self.old()\n")
    buffer.type_over(buffer.text.index("old"), "old", "former")
    assert proposed(buffer) == [(5, "former")]
    buffer.replace(len(buffer.text), len(buffer.text), "\n    def old(self):\n        return 2\n")
    replace(buffer, "return 1", "return 33")
    assert proposed(buffer) == []


def test_nothing_is_left_over_where_the_new_name_stood_before_the_definition_had_it() -> None:
    buffer, _ = played("def f(«2:count⟶total»):\n    return count\n\n\nx = 1\ny = «1:g⟶f»(total)\n", "python")
    assert proposed(buffer) == [(1, "total")]
    buffer, _ = played("def f(«2:count⟶total»):\n    x = «1:1⟶total»\n    y = 2\n    return count\n", "python")
    assert proposed(buffer) == []


SPELLED = {
    "shorthand": ("javascript", "function f(«w⟶width») {\n  const o = { w };\n  return o.w * w;\n}\n"),
    "format string": ("rust", 'fn f(«w⟶width»: u8) {\n    println!("{w} {}", w);\n    g(w);\n}\n'),
    "f-string": ("python", "def f(«w⟶width»):\n    g(f'{w:>{w}}', w)\n    return w\n"),
    "by this": (
        "java",
        "class A {\n  int «w⟶width»;\n  A(int w) {\n    this.w = w;\n  }\n  int f() {\n    return w;\n  }\n}\n",
    ),
    "constructor": ("cpp", "class «W⟶Wide» {\n  W();\n};\nW::W() {}\nW w = W();\n"),
    "two on a line below another": ("c", "typedef int «W⟶Wide»;\nW w;\nvoid f(W *a) { W *b = (W *)a; }\n"),
}


@pytest.mark.parametrize(("language_id", "marked"), SPELLED.values(), ids=SPELLED)
def test_a_client_that_asks_after_each_edit_gets_all_of_them(language_id: str, marked: str) -> None:
    buffer, _ = played(marked, language_id)
    shown = buffer.ask().shown
    wanted = buffer.text
    for one in sorted(shown, key=lambda each: -each.start):
        wanted = wanted[: one.start] + one.text + wanted[one.end :]
    for _ in shown:
        buffer.take(buffer.ask().shown[0])
    assert buffer.text == wanted
    assert buffer.ask().shown == ()
