"""Accepting suggestions, whole and in parts."""

from __future__ import annotations

import pytest

from tests.editors.nvim.stage import TAB, StageMaker

pytestmark = pytest.mark.editor

ADD = {"behind": "def add(", "text": "left, right):\n    return left + right"}
KEYS = "\n".join(
    f"vim.keymap.set('i', '{key}', '<Plug>(infill-{name})')"
    for key, name in {
        "<F2>": "accept-word",
        "<F3>": "accept-line",
        "<F4>": "next",
        "<F5>": "previous",
        "<F6>": "dismiss",
        "<F7>": "trigger",
        "<F8>": "accept",
    }.items()
)


def test_tab_accepts_and_the_server_is_notified(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    path = nvim.open("sum.py", b"# sums\n")
    nvim.type("odef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<Tab>")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")
    assert tuple(nvim.api.current.window.cursor) == (3, len("    return left + right"))
    assert shown.until_heard("accepted")[0]["arguments"] == ["left, right):\n    return left + right"]
    assert nvim.save(path) == b"# sums\ndef add(left, right):\n    return left + right\n"


def test_keys_typed_right_after_tab_follow_the_suggestion(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.txt")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<Tab><CR>x = 1")
    nvim.until_lines("def add(left, right):", "    return left + right", "    x = 1")


def test_tab_without_ghost_text_is_a_tab(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.type("i<Tab>x")
    nvim.until_lines("    x")


def test_tab_keeps_the_meaning_that_another_mapping_gave_it(stage: StageMaker) -> None:
    init = f"vim.keymap.set('i', '<Tab>', function() return 'other' end, {{ expr = true }})\n{TAB}"
    nvim = stage(ADD, init=init).editor
    nvim.open("sum.py")
    nvim.type("i<Tab>")
    nvim.until_lines("other")


def test_tab_moves_in_the_popup_menu_if_the_users_mapping_does(stage: StageMaker) -> None:
    init = (
        "vim.o.completeopt = 'menuone,noselect'\n"
        "vim.keymap.set('i', '<Tab>', function() return vim.fn.pumvisible() == 1 and '<C-n>' or '<Tab>' end,"
        f" {{ expr = true }})\n{TAB}"
    )
    nvim = stage({"behind": "val", "text": "ue + 1"}, init=init).editor
    nvim.open("sum.py", b"validate valid\n")
    nvim.type("oval<C-n>")
    nvim.until(lambda: nvim.api.funcs.pumvisible() == 1, "the popup menu is open")
    nvim.type("<Tab>")
    nvim.until_lines("validate valid", "validate")
    nvim.type("<C-e><Esc>ccval")
    nvim.until_ghost("ue + 1")
    nvim.type("<Tab>")
    nvim.until_lines("validate valid", "value + 1")


def test_tab_jumps_in_a_snippet_without_ghost_text(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.type("i")
    nvim.until_mode("i")
    nvim.lua("vim.snippet.expand('f($1, $2)')")
    nvim.type("a<Tab>b")
    nvim.until_lines("f(a, b)")


def test_a_users_expr_mapping(stage: StageMaker) -> None:
    init = (
        "vim.keymap.set('i', '<Tab>', function() return require('infill').accept() and '' or '<Tab>' end,"
        " { expr = true })"
    )
    nvim = stage(ADD, init=init).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<Tab>")
    nvim.until_lines("def add(left, right):", "    return left + right")


def test_word_by_word(stage: StageMaker) -> None:
    shown = stage(ADD, init=KEYS)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    asked = len(shown.server.events("inline"))
    for line, ghost in (
        ("def add(left", ", right):\n    return left + right"),
        ("def add(left,", " right):\n    return left + right"),
        ("def add(left, right", "):\n    return left + right"),
        ("def add(left, right):", "\n    return left + right"),
    ):
        nvim.type("<F2>")
        nvim.until_lines(line)
        nvim.until_ghost(ghost)
    nvim.type("<F2>")
    nvim.until_lines("def add(left, right):", "    return")
    nvim.until_ghost(" left + right")
    assert len(shown.server.events("inline")) == asked
    lengths = [event["length"] for event in shown.until_heard("partial", 5)]
    assert lengths == [len(text) for text in (
        "def add(left",
        "def add(left,",
        "def add(left, right",
        "def add(left, right):",
        "def add(left, right):\n    return",
    )]  # fmt: skip
    for _ in range(3):
        nvim.type("<F2>")
    nvim.until_lines("def add(left, right):", "    return left + right")
    assert len(shown.until_heard("accepted")) == 1


def test_line_by_line(stage: StageMaker) -> None:
    nvim = stage(ADD, init=KEYS).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<F3>")
    nvim.until_lines("def add(left, right):")
    nvim.until_ghost("\n    return left + right")
    nvim.type("<F3>")
    nvim.until_lines("def add(left, right):", "    return left + right")


def test_one_undo_removes_exactly_what_was_accepted(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py", b"# sums\n")
    nvim.type("odef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<Tab> # done")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right # done")
    nvim.escape()
    nvim.type("u")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")
    nvim.type("u")
    nvim.until_lines("# sums", "def add(")
    nvim.type("u")
    nvim.until_lines("# sums")
    nvim.type("<C-r><C-r>")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")


def test_dismissed_until_the_text_changes(stage: StageMaker) -> None:
    nvim = stage(ADD, init=f"{TAB}\n{KEYS}").editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<F6>")
    nvim.until_ghost("")
    nvim.type("<Tab>")
    nvim.until_lines("def add(    ")
    nvim.type("<BS>")
    nvim.until_ghost("left, right):\n    return left + right")


def test_next_requests_more_candidates_and_wraps_around(stage: StageMaker) -> None:
    rule = {"behind": "total = ", "text": "left + right", "more": ["sum(values)", "0"]}
    shown = stage(rule, init=KEYS)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("itotal = ")
    nvim.until_ghost("left + right")
    nvim.type("<F4>")
    nvim.until_ghost("sum(values)  (2/3)")
    assert [event["invoked"] for event in shown.server.events("inline")][-1] is True
    nvim.type("<F4>")
    nvim.until_ghost("0  (3/3)")
    nvim.type("<F4>")
    nvim.until_ghost("left + right  (1/3)")
    nvim.type("<F5>")
    nvim.until_ghost("0  (3/3)")
    nvim.type("<F5><F8>")
    nvim.until_lines("total = sum(values)")


def test_trigger_works_with_suggestions_off(stage: StageMaker) -> None:
    nvim = stage(ADD, init=f"require('infill').setup({{ enabled = false }})\n{KEYS}").editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_lines("def add(")
    nvim.settled()
    assert nvim.ghost() == ""
    nvim.type("<F7>")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("<F8>")
    nvim.until_lines("def add(left, right):", "    return left + right")


def test_an_invoked_request_without_suggestion_shows_the_reason(stage: StageMaker) -> None:
    nvim = stage(init=KEYS).editor
    nvim.open("sum.py")
    nvim.type("ixyz<F7>")
    nvim.until(lambda: "infill: No suggestion here" in nvim.api.command_output("messages"), "the message")


def test_an_entry_of_the_popup_menu_is_inserted_whole(stage: StageMaker) -> None:
    completion = "vim.api.nvim_create_autocmd('LspAttach', { callback = function(a)"
    completion += " vim.lsp.completion.enable(true, a.data.client_id, a.buf) end })"
    entry = {"behind": "add(le", "text": "left, right):\n    return left + right", "replaces": ")"}
    nvim = stage(init=f"vim.o.completeopt = 'menuone,noselect'\n{completion}", entry=entry).editor
    path = nvim.open("sum.txt", b"def add()\n")
    nvim.type("A<Left>le<C-x><C-o>")
    nvim.until(lambda: nvim.api.funcs.pumvisible() == 1, "the popup menu is open")
    nvim.type("<C-n><C-y>")
    nvim.until_lines("def add(left, right):", "    return left + right")
    assert nvim.save(path) == b"def add(left, right):\n    return left + right\n"
