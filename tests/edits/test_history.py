"""The history of edits: what becomes one change, and what was undone."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from infill_completion.document.changes import MAX_CHANGES, MAX_CHARACTERS, MAX_KEPT_CHARACTERS, ChangeClock, ChangeLog
from infill_completion.edits.by_example.examples import MAX_LINES
from infill_completion.edits.history import MAX_HUNKS, EditHistory, Hunk
from tests.edits.marked import Buffer, Window


def hunks(buffer: Buffer) -> list[Hunk]:
    buffer.ask()
    return list(buffer.window.history.latest())


def shapes(buffer: Buffer) -> list[tuple[int, tuple[str, ...], tuple[str, ...]]]:
    return [(hunk.first, hunk.before, hunk.after) for hunk in hunks(buffer)]


def test_keys_on_one_line_are_one_hunk() -> None:
    buffer = Buffer("a = 1\nb = 2\n")
    buffer.type_over(4, "1", "f(1)")
    assert shapes(buffer) == [(0, ("a = 1\n",), ("a = f(1)\n",))]


def test_lines_that_are_typed_one_after_the_other_are_one_hunk() -> None:
    buffer = Buffer("a\nb\n")
    buffer.type_over(1, "", "\nx = 1\ny = 2")
    assert shapes(buffer) == [(1, (), ("x = 1\n", "y = 2\n"))]


def test_changes_elsewhere_are_hunks_of_their_own_the_newest_first() -> None:
    buffer = Buffer("a\nb\nc\n")
    buffer.type_over(0, "a", "x")
    buffer.type_over(4, "c", "z")
    assert shapes(buffer) == [(2, ("c\n",), ("z\n",)), (0, ("a\n",), ("x\n",))]


def test_a_hunk_moves_with_lines_above_it() -> None:
    buffer = Buffer("a\nb\nc\n")
    buffer.type_over(4, "c", "z")
    buffer.replace(0, 0, "new\nnew\n")
    assert shapes(buffer)[1] == (4, ("c\n",), ("z\n",))


def test_a_line_that_is_deleted_and_typed_anew_is_one_hunk() -> None:
    buffer = Buffer("a\nold\nb\n")
    buffer.replace(2, 6, "")
    buffer.type_over(1, "", "\nnew")
    assert shapes(buffer) == [(1, ("old\n",), ("new\n",))]


def test_what_is_typed_and_deleted_again_leaves_nothing() -> None:
    buffer = Buffer("a\n")
    buffer.type_over(1, "", "bc")
    for end in (3, 2):
        buffer.replace(end - 1, end, "")
    assert shapes(buffer) == []
    history = buffer.window.history.of(buffer.uri)
    assert history is not None
    assert history.is_undone


def test_a_hunk_that_is_put_back_later_is_undone() -> None:
    buffer = Buffer("a\nb\nc\n")
    buffer.replace(0, 1, "x")
    buffer.replace(4, 5, "z")
    buffer.replace(0, 1, "a")
    assert shapes(buffer) == [(2, ("c\n",), ("z\n",))]
    history = buffer.window.history.of(buffer.uri)
    assert history is not None
    assert history.is_undone
    assert history.undone[-1] == (("a\n",), ("x\n",))


def test_a_corrected_slip_of_the_finger_is_no_undo() -> None:
    buffer = Buffer("def f(count):\n    return count\n")
    buffer.type_over(6, "count", "totall")
    assert buffer.ask().proposals
    buffer.replace(11, 12, "")
    assert [proposal.text for proposal in buffer.ask().proposals] == ["total"]


def test_a_name_that_is_deleted_and_typed_anew_is_no_undo_where_it_passes_what_it_was() -> None:
    buffer = Buffer("def f(config):\n    return config\n")
    buffer.type_over(buffer.text.index("config"), "config", "conf")
    assert [proposal.text for proposal in buffer.ask().proposals] == ["conf"]


def test_each_of_several_cursors_makes_one_change() -> None:
    buffer = Buffer("def f(count):\n    x = count\n    y = 1\n    return count\n")
    first, second = (found.end() for found in islice(re.finditer("count", buffer.text), 2))
    for end in range(5):
        buffer.replace(second - 2 * end - 1, second - 2 * end, "")
        buffer.replace(first - end - 1, first - end, "")
    first, second = first - 5, second - 10
    for index, key in enumerate("total"):
        buffer.replace(second + 2 * index, second + 2 * index, key)
        buffer.replace(first + index, first + index, key)
    assert [(before, after) for _, before, after in shapes(buffer)] == [
        (("def f(count):\n",), ("def f(total):\n",)),
        (("    x = count\n",), ("    x = total\n",)),
    ]
    assert [(one.start, one.text) for one in buffer.ask().proposals] == [(buffer.text.index("count"), "total")]


def test_a_line_that_is_changed_again_after_others_were_is_another_change() -> None:
    buffer = Buffer("a\nb\n")
    buffer.type_over(0, "a", "xy")
    buffer.type_over(3, "b", "zw")
    buffer.type_over(2, "", "!")
    assert [first for first, _, _ in shapes(buffer)] == [0, 1, 0]


def test_a_step_back_within_a_hunk_is_an_undo() -> None:
    buffer = Buffer("def f(count):\n    return count\n")
    buffer.replace(6, 11, "total")
    buffer.replace(6, 11, "summed")
    assert buffer.ask().proposals
    buffer.replace(6, 12, "total")
    assert buffer.ask().proposals == ()


def test_only_so_many_hunks_are_kept() -> None:
    buffer = Buffer("a\nb\n" * (2 * MAX_HUNKS))
    for line in range(2 * MAX_HUNKS):
        buffer.replace(4 * line, 4 * line + 1, "x")
    assert len(hunks(buffer)) == MAX_HUNKS


def test_a_log_that_nobody_reads_forgets_and_says_so() -> None:
    log = ChangeLog(ChangeClock())
    for _ in range(MAX_CHANGES + 1):
        log.note(0, ["a\n"], ["b\n"])
    assert log.is_broken
    assert len(log.take()) == MAX_CHANGES
    assert not log.is_broken


def test_a_log_keeps_only_so_many_characters() -> None:
    log = ChangeLog(ChangeClock())
    half = ["a" * (MAX_CHARACTERS // 2)]
    for _ in range(2 * MAX_KEPT_CHARACTERS // MAX_CHARACTERS):
        log.note(0, half, half)
    assert log.is_broken
    assert sum(change.size for change in log.take()) == MAX_KEPT_CHARACTERS
    log.note(0, ["a"], ["b"])
    log.note(0, half, [*half, "a"])
    assert log.is_broken
    assert log.take() == []


def test_a_log_that_is_off_keeps_nothing() -> None:
    clock = ChangeClock()
    log = ChangeLog(clock)
    log.note(0, ["a"], ["b"])
    clock.is_on = lambda: False
    log.note(0, ["b"], ["c"])
    assert log.is_broken
    assert log.take() == []


def test_a_paste_of_many_lines_begins_the_history_anew() -> None:
    buffer = Buffer("a = 1\nb = 2\n")
    buffer.type_over(4, "1", "3")
    buffer.replace(0, 0, "x\n" * 1000)
    history = EditHistory()
    history.add(buffer.uri, buffer.log.take(), is_broken=True)
    assert list(history.latest()) == []


def test_a_replaced_text_is_one_change_of_the_lines_that_differ() -> None:
    from infill_server.lsp.positions import Units
    from infill_server.lsp.text import DocumentText

    log = ChangeLog(ChangeClock())
    DocumentText("a\nb\nc\n", Units.UTF16, log).replace_all("a\nx\nc\n")
    assert [(change.first, change.before, change.after) for change in log.take()] == [(1, ("b\n",), ("x\n",))]


def test_an_example_in_one_document_counts_in_another() -> None:
    window = Window()
    first = Buffer("foo(a)\n", uri="file:///w/a.py", window=window)
    second = Buffer("foo(b)\n", uri="file:///w/b.py", window=window)
    first.type_over(5, "", ", 1")
    first.ask()
    assert [proposal.text for proposal in second.ask(offset=7).proposals] == [", 1"]


DEFINED = "package a\n\nvar name string\n"
DECLARED = "package a\n\ntype S struct {\n\tname string\n}\n"


def test_a_variable_that_is_renamed_in_one_document_is_no_example_in_another() -> None:
    window = Window()
    first = Buffer(DEFINED, "go", "file:///w/a.go", window)
    second = Buffer(DECLARED, "go", "file:///w/b.go", window)
    first.type_over(DEFINED.index("name"), "name", "title")
    assert first.ask().proposals == ()
    assert second.ask(offset=0).proposals == ()


def test_a_module_that_is_another_in_one_document_is_so_in_the_next_one() -> None:
    window = Window()
    first = Buffer("package a\n\nvar x = util.Load(1)\n", "go", "file:///w/a.go", window)
    second = Buffer("package a\n\nvar x = util.Load(2)\n", "go", "file:///w/b.go", window)
    first.type_over(first.text.index("util"), "util", "tool")
    first.ask()
    assert [proposal.text for proposal in second.ask(offset=0).proposals] == ["tool"]


def test_what_a_name_was_in_a_document_that_nobody_asked_about_is_not_known() -> None:
    window = Window()
    first = Buffer("package a\n\nvar x = util.Load(1)\n", "go", "file:///w/a.go", window)
    second = Buffer("package a\n\nvar x = util.Load(2)\n", "go", "file:///w/b.go", window)
    first.type_over(first.text.index("util"), "util", "tool")
    window.history.add(first.uri, first.log.take())
    assert second.ask(offset=0).proposals == ()


@pytest.mark.parametrize(("lines", "texts"), [(MAX_LINES, ["5"]), (MAX_LINES + 1, [])])
def test_a_change_of_many_lines_is_no_example(lines: int, texts: list[str]) -> None:
    line = "retry(3)\n"
    buffer = Buffer(f"{line * lines}\n\n{line}\n\n{line}")
    buffer.replace(0, len(line) * lines, line.replace("3", "5") * lines)
    buffer.ask()
    at = buffer.text.index("3")
    buffer.type_over(at, "3", "5")
    assert [proposal.text for proposal in buffer.ask().proposals] == texts
