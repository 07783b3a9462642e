"""Neovim 0.12's own inline completion: it requests and draws, this plugin adds words, lines and toggles."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.drivers.neovim import Neovim, binary
from tests.editors.nvim.stage import TAB, StageMaker
from tests.editors.nvim.test_nvim_accept import ADD, KEYS

pytestmark = pytest.mark.editor

BUILTIN = f"require('infill').setup({{ renderer = 'native' }})\n{TAB}\n{KEYS}"
GHOST = "left, right):\n    return left + right"


@pytest.fixture(scope="module", autouse=True)
def _knows_inline_completion() -> None:
    ask = "lua io.stdout:write(tostring(pcall(require, 'vim.lsp.inline_completion')))"
    run = [binary(), "--headless", "-u", "NONE", "-c", ask, "+q"]
    if "true" not in subprocess.run(run, capture_output=True, text=True, check=False).stdout:
        pytest.skip("needs Neovim 0.12 (scripts/newer.sh neovim fetches one)")


WATCHED = """
return vim.iter(vim.api.nvim_get_autocmds({ buffer = 0, event = 'InsertEnter' })):any(function(found)
  return (found.group_name or ''):find('inline_completion', 1, true) ~= nil
end)
"""


def drawn(nvim: Neovim) -> str:
    """Return what Neovim itself draws, lines joined by a newline."""
    marks = nvim.lua(
        "local space = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion'] if not space then return {} end"
        " return vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })"
    )
    lines = [line for mark in marks for line in [mark[3].get("virt_text", []), *mark[3].get("virt_lines", [])]]
    return "\n".join("".join(text for text, _ in line) for line in lines)


def until_drawn(nvim: Neovim, text: str) -> None:
    """Wait until exactly ``text`` is Neovim's ghost text, and the plugin draws none."""
    nvim.until(lambda: drawn(nvim) == text, f"Neovim's own ghost text {text!r}, not {drawn(nvim)!r}")
    assert nvim.ghost() == ""


def test_tab_accepts_what_neovim_draws(stage: StageMaker) -> None:
    shown = stage(ADD, init=BUILTIN)
    nvim = shown.editor
    path = nvim.open("sum.py", b"# sums\n")
    nvim.type("odef add(")
    until_drawn(nvim, GHOST)
    assert nvim.lua("return require('infill').is_visible()") is True
    nvim.type("<Tab>")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")
    assert shown.until_heard("accepted")[0]["arguments"] == [GHOST]
    assert nvim.save(path) == b"# sums\ndef add(left, right):\n    return left + right\n"


def test_tab_without_a_suggestion_is_a_tab(stage: StageMaker) -> None:
    nvim = stage(ADD, init=BUILTIN).editor
    nvim.open("sum.py")
    nvim.type("i<Tab>x")
    nvim.until_lines("    x")


def test_a_suggestion_typed_through_stays(stage: StageMaker) -> None:
    shown = stage(ADD, init=BUILTIN)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    until_drawn(nvim, GHOST)
    nvim.type("left, ")
    until_drawn(nvim, "right):\n    return left + right")
    nvim.type("<Tab>")  # Neovim itself would insert it before the text typed since its request
    nvim.until_lines("def add(left, right):", "    return left + right")
    shown.until_heard("accepted")


def test_a_word_a_line_and_the_rest(stage: StageMaker) -> None:
    nvim = stage(ADD, init=BUILTIN).editor
    path = nvim.open("sum.py")
    nvim.type("idef add(")
    until_drawn(nvim, GHOST)
    nvim.type("<F2>")
    nvim.until_lines("def add(left")
    until_drawn(nvim, ", right):\n    return left + right")
    nvim.type("<F3>")
    nvim.until(lambda: nvim.lines()[0] == "def add(left, right):", "the line is in")
    until_drawn(nvim, "    return left + right" if len(nvim.lines()) > 1 else "\n    return left + right")
    nvim.type("<F8>")
    nvim.until_lines("def add(left, right):", "    return left + right")
    assert nvim.save(path) == b"def add(left, right):\n    return left + right\n"


def test_undo_restores_what_was_typed(stage: StageMaker) -> None:
    nvim = stage(ADD, init=BUILTIN).editor
    path = nvim.open("sum.py", b"# sums\n")
    nvim.type("odef add(")
    until_drawn(nvim, GHOST)
    nvim.type("<C-g>u<Tab>")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")
    nvim.escape()
    nvim.type("u")
    nvim.until_lines("# sums", "def add(")
    assert nvim.save(path) == b"# sums\ndef add(\n"


def test_windows_line_ends_stay_as_they_are(stage: StageMaker) -> None:
    nvim = stage(ADD, init=BUILTIN).editor
    path = nvim.open("sum.py", b"# sums\r\n")
    nvim.type("odef add(")
    until_drawn(nvim, GHOST)
    nvim.type("<Tab>")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")
    assert nvim.save(path) == b"# sums\r\ndef add(left, right):\r\n    return left + right\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_text_outside_ascii_before_the_cursor(stage: StageMaker, encoding: str) -> None:
    init = (
        "vim.lsp.config('infill_ls', { capabilities = { general = { positionEncodings = { '" + encoding + "' } } } })\n"
    )
    nvim = stage({"behind": "🙂 値(", "text": "左, 🚀)", "replaces": ")"}, init=init + BUILTIN).editor
    path = nvim.open("words.txt", "🙂 値()  # 🙂\n".encode())
    nvim.type("f(a")
    nvim.until(lambda: drawn(nvim) != "", "Neovim's own ghost text")
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lines() != ["🙂 値()  # 🙂"], "the suggestion is in")
    assert nvim.save(path) == "🙂 値(左, 🚀)  # 🙂\n".encode()


def test_dismissed_it_is_gone_until_the_next_key(stage: StageMaker) -> None:
    nvim = stage(ADD, init=BUILTIN).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    until_drawn(nvim, GHOST)
    nvim.type("<F6>")
    until_drawn(nvim, "")
    assert nvim.lua("return require('infill').is_visible()") is False
    nvim.type("l")
    until_drawn(nvim, GHOST[1:])


def test_neovim_does_not_draw_either_when_switched_off(stage: StageMaker) -> None:
    shown = stage(ADD, init=BUILTIN)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    until_drawn(nvim, GHOST)
    nvim.escape()
    nvim.api.command("Infill toggle")
    asked = len(shown.server.events("inline"))
    nvim.type("Sdef add(")
    nvim.until_lines("def add(")
    nvim.settled()
    assert drawn(nvim) == nvim.ghost() == ""
    nvim.escape()
    nvim.api.command("Infill toggle")
    nvim.type("Sdef add(")
    until_drawn(nvim, GHOST)
    assert all(event["line"] for event in shown.server.events("inline")[asked:])


def test_a_filetype_that_the_user_excluded(stage: StageMaker) -> None:
    init = BUILTIN.replace("'native'", "'native', filetypes = { text = false }")
    nvim = stage(ADD, init=init).editor
    nvim.open("sum.txt")
    assert nvim.lua("return require('infill.builtin').is_drawing(0)") is False
    nvim.open("sum.py")
    nvim.type("idef add(")
    until_drawn(nvim, GHOST)


def test_this_plugin_does_not_draw_if_the_user_enabled_it(stage: StageMaker) -> None:
    nvim = stage(ADD, init=f"vim.lsp.inline_completion.enable(true)\n{TAB}").editor
    nvim.open("sum.py")
    # Neovim watches the keys only once it has attached its own completion, after the server's.
    nvim.until(lambda: nvim.lua(WATCHED), "Neovim's inline completion is attached to the buffer")
    nvim.type("idef add(")
    until_drawn(nvim, GHOST)
    nvim.type("<Tab>")
    nvim.until_lines("def add(left, right):", "    return left + right")


def test_a_buffer_wiped_out_before_its_answer(stage: StageMaker) -> None:
    shown = stage(ADD, init=BUILTIN, delay_s=0.5)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    shown.until_heard("inline")
    nvim.escape()
    nvim.api.command("enew | bwipeout! sum.py")
    nvim.settled()
    assert "Error" not in nvim.api.command_output("messages")


def test_what_the_suggestion_would_replace_may_be_gone(stage: StageMaker) -> None:
    shown = stage({"behind": "f(", "text": "a, b)", "replaces": ")"}, init=BUILTIN)
    nvim = shown.editor
    nvim.open("sum.txt", b"x()\n")
    nvim.type("0if<Right><Right>")
    nvim.until_lines("fx()")
    nvim.escape()
    nvim.type("ccf()<Left>")
    nvim.until(lambda: drawn(nvim) != "", "Neovim's own ghost text")
    nvim.type("<Del><Tab>")
    nvim.until_lines("f(a, b)")
    assert "Error" not in nvim.api.command_output("messages")
