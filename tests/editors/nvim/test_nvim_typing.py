"""What a user sees while typing."""

from __future__ import annotations

import pytest

from tests.editors.nvim.stage import StageMaker

pytestmark = pytest.mark.editor

ADD = {"behind": "def add(", "text": "left, right):\n    return left + right"}


def test_a_suggestion_of_two_lines_appears_at_the_cursor_and_below_it(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py", b"# sums\n# end\n")
    nvim.type("ggodef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    assert nvim.screen()[:4] == ["# sums", "def add(left, right):", "    return left + right", "# end"]


def test_typing_into_the_suggestion_keeps_the_rest_without_a_request(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    before = len(shown.server.events("inline"))
    nvim.type("left, r")
    nvim.until_ghost("ight):\n    return left + right")
    nvim.type("ight):")
    nvim.until_ghost("\n    return left + right")
    nvim.type("<CR>")
    nvim.until_ghost("return left + right")
    nvim.type("return")
    nvim.until_ghost(" left + right")
    nvim.settled()
    assert len(shown.server.events("inline")) == before


GROWS = {"grows": "\n    return c", "grows_after_s": 0.05}
SUM = {"behind": "c = ", "text": "a + b"}


def test_a_suggestion_grows_while_the_user_pauses(stage: StageMaker) -> None:
    shown = stage(SUM, **GROWS)
    nvim = shown.editor
    nvim.open("sum.py", b"def add(a, b):\n")
    nvim.type("oc = ")
    nvim.until_ghost("a + b\n    return c")
    before = len(shown.server.events("inline"))
    nvim.type("a +")
    nvim.until_ghost(" b\n    return c")
    nvim.settled()
    assert len(shown.server.events("inline")) == before
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lines() == ["def add(a, b):", "    c = a + b", "    return c"], "it is accepted")


def test_candidates_that_the_user_asked_for_do_not_grow(stage: StageMaker) -> None:
    init = "vim.keymap.set('i', '<F7>', require('infill').trigger)"
    nvim = stage({**SUM, "more": ["b + a"]}, init=init, **GROWS).editor
    nvim.open("sum.py", b"def add(a, b):\n")
    nvim.type("oc = ")
    nvim.until_ghost("a + b\n    return c")
    nvim.type("<F7>")
    nvim.until(lambda: any("(1/2)" in line for line in nvim.screen()), "the candidates are shown")
    now = "{ uri = vim.uri_from_bufnr(0), version = vim.lsp.util.buf_versions[vim.fn.bufnr()] }"
    nvim.lua(f"require('infill.session').longer({now})")
    nvim.settled()
    assert any("(1/2)" in line for line in nvim.screen())


def test_deleting_back_through_the_suggestion_shows_more_of_it(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.type("idef add(lef")
    nvim.until_ghost("t, right):\n    return left + right")
    nvim.type("<BS><BS>")
    nvim.until_ghost("eft, right):\n    return left + right")


def test_another_letter_hides_the_suggestion(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.type("x")
    nvim.until_ghost("")


def test_leaving_insert_mode_hides_the_suggestion(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.escape()
    assert nvim.ghost() == ""


def test_a_late_answer_is_adapted_to_the_text_typed_meanwhile(stage: StageMaker) -> None:
    nvim = stage(ADD, delay_s=0.3).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until(lambda: nvim.lines() == ["def add("], "the text is there")
    nvim.type("left,")
    nvim.until_ghost(" right):\n    return left + right")


def test_a_late_answer_for_another_place_is_dropped(stage: StageMaker) -> None:
    shown = stage({**ADD, "exact": True}, delay_s=0.3)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    shown.until_heard("inline")
    nvim.type("x")
    nvim.settled()
    assert nvim.ghost() == ""


def test_text_after_the_cursor_that_the_suggestion_contains_stays_in_place(stage: StageMaker) -> None:
    nvim = stage({"behind": "add(", "text": "left, right)", "replaces": ")"}).editor
    nvim.open("sum.py", b"total = add()")
    nvim.type("$i")
    nvim.until_ghost("left, right")
    assert nvim.screen()[0] == "total = add(left, right)"
    nvim.type("<Tab>")
    nvim.until_lines("total = add(left, right)")


def test_text_after_the_cursor_is_shown_after_a_suggestion_of_several_lines(stage: StageMaker) -> None:
    nvim = stage({"behind": "add(", "text": "\n    left,\n"}).editor
    nvim.open("sum.py", b"total = add()  # both\n")
    nvim.type("f(a")
    nvim.until_ghost(" " * len(")  # both") + "\n    left,\n)  # both")
    assert nvim.screen()[:3] == ["total = add(", "    left,", ")  # both"]
    nvim.type("<Tab>")
    nvim.until_lines("total = add(", "    left,", ")  # both")


def test_tabs_are_as_wide_as_in_the_window(stage: StageMaker) -> None:
    nvim = stage({"behind": "for i {", "text": "\n\t\tcall(\ti)\n\t}"}, init="vim.o.expandtab = false").editor
    nvim.open("loop.go", b"\n")
    nvim.api.command("setlocal tabstop=4")
    nvim.type("i<Tab>for i {")
    nvim.until(lambda: "call" in nvim.ghost(), "ghost text")
    assert nvim.screen()[:3] == ["    for i {", "        call(   i)", "    }"]


def test_there_is_no_ghost_text_while_a_popup_menu_is_open(stage: StageMaker) -> None:
    completion = "vim.api.nvim_create_autocmd('LspAttach', { callback = function(a)"
    completion += " vim.lsp.completion.enable(true, a.data.client_id, a.buf) end })"
    init = f"vim.o.completeopt = 'menuone,noselect'\n{completion}"
    shown = stage({"behind": "self.", "text": "value + 1"}, init=init, words=["value", "version"])
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("iself.")
    nvim.until_ghost("value + 1")
    nvim.type("v<C-x><C-o>")
    nvim.until(lambda: nvim.api.funcs.pumvisible() == 1, "the popup menu is open")
    nvim.until_ghost("")
    nvim.type("<C-e>")
    nvim.until_ghost("alue + 1")


def test_ghost_text_beside_the_popup_menu_if_the_user_wants_both(stage: StageMaker) -> None:
    init = "vim.o.completeopt = 'menuone,noselect'\nrequire('infill').setup({ with_popup_menu = true })"
    nvim = stage({"behind": "val", "text": "ue + 1"}, init=init).editor
    nvim.open("sum.py", b"value validate\n")
    nvim.type("oval<C-n>")
    nvim.until(lambda: nvim.api.funcs.pumvisible() == 1, "the popup menu is open")
    nvim.until_ghost("ue + 1")


def test_macros_run_without_requests(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.api.funcs.setreg("q", "idef add(\x1b")
    nvim.type("@q")
    nvim.until_lines("def add(")
    nvim.settled()
    assert shown.server.events("inline") == []


# Stand-ins with the part of each plugin's interface that is used; the plugins cannot be installed here.
CMP = """
local listeners, open = {}, false
package.loaded['cmp'] = {
  visible = function() return open end,
  event = { on = function(_, name, listener) listeners[name] = listener end },
}
_G.menu = function(is_open)
  open = is_open
  listeners[is_open and 'menu_opened' or 'menu_closed']()
end
"""
BLINK = """
local open = false
package.loaded['blink.cmp'] = { is_menu_visible = function() return open end, is_visible = function() return true end }
_G.menu = function(is_open)
  open = is_open
  vim.api.nvim_exec_autocmds('User', { pattern = is_open and 'BlinkCmpMenuOpen' or 'BlinkCmpMenuClose' })
end
"""


@pytest.mark.parametrize("plugin", [CMP, BLINK], ids=["nvim-cmp", "blink.cmp"])
def test_ghost_text_makes_room_for_the_menu_of_a_plugin(stage: StageMaker, plugin: str) -> None:
    nvim = stage(ADD, init=plugin).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    nvim.lua("menu(true)")
    nvim.until_ghost("")
    nvim.lua("menu(false)")
    nvim.until_ghost("left, right):\n    return left + right")
