"""The commands of the plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.nvim.stage import StageMaker

pytestmark = pytest.mark.editor

ADD = {"behind": "def add(", "text": "left, right):\n    return left + right"}
GHOST = "left, right):\n    return left + right"


def test_toggle_switches_one_buffer(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.api.command("Infill toggle")
    nvim.type("idef add(")
    nvim.until_lines("def add(")
    nvim.settled()
    assert nvim.ghost() == ""
    nvim.escape()
    nvim.open("other.py")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)
    nvim.type("<Cmd>Infill toggle<CR>")
    nvim.until_ghost("")
    nvim.type("<Cmd>Infill toggle<CR>")
    nvim.until_ghost(GHOST)


def test_toggle_switches_a_filetype(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.api.command("Infill toggle filetype")
    nvim.open("other.py")
    nvim.type("idef add(")
    nvim.until_lines("def add(")
    nvim.settled()
    assert nvim.ghost() == ""
    nvim.escape()
    nvim.open("sum.txt")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)


def test_filetypes_that_the_user_excluded(stage: StageMaker) -> None:
    nvim = stage(ADD, init="require('infill').setup({ filetypes = { ['*'] = false, lua = true } })").editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_lines("def add(")
    nvim.settled()
    assert nvim.ghost() == ""
    nvim.escape()
    nvim.open("sum.lua")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)


def test_wrong_options_are_named_and_the_rest_counts(stage: StageMaker) -> None:
    init = "require('infill').setup({ enabled = 'no', colour = 1, with_popup_menu = true })"
    nvim = stage(ADD, init=init).editor
    nvim.open("sum.py")
    said = nvim.api.command_output("messages")
    assert "enabled must be a boolean; there is no option colour; see :help infill-setup." in said
    assert nvim.lua("return require('infill.config').options.with_popup_menu") is True


def test_status_shows_the_server_of_the_buffer(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.until(lambda: nvim.lua("return require('infill').statusline()") == "infill ✓", "the server is ready")
    said = nvim.api.command_output("Infill status")
    assert said.endswith("server 1 serves this buffer (utf-8) · Normal · suggestions are on")
    nvim.api.command("Infill toggle")
    assert nvim.lua("return require('infill').statusline()") == "infill off"
    nvim.api.command("help")
    assert nvim.lua("return require('infill').statusline()") == ""


def test_snooze_tells_the_server_and_says_until_when(stage: StageMaker) -> None:
    window = stage(ADD)
    nvim = window.editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)
    nvim.api.command("Infill snooze 5")
    nvim.until(lambda: "suggestions are snoozed until" in nvim.api.command_output("messages"), "the message")
    nvim.until_ghost("")
    nvim.api.command("Infill snooze")
    nvim.api.command("Infill snooze 0")
    nvim.until(lambda: "suggestions are not snoozed." in nvim.api.command_output("messages"), "the message")
    nvim.escape()
    nvim.type(":Infill snooze soon<CR>")
    nvim.until(lambda: "snooze takes a number of minutes from 0" in nvim.api.command_output("messages"), "the message")
    assert [event["minutes"] for event in window.until_heard("snooze", 3)] == [5, 10, 0]


def test_an_unknown_command_lists_the_known_ones(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.type(":Infill frobnicate<CR>")
    nvim.until(lambda: "frobnicate" in nvim.api.command_output("messages"), "the message")
    said = nvim.api.command_output("messages")
    assert "there is no :Infill frobnicate; there are explain, restart, snooze, status, toggle, trigger." in said
    assert nvim.api.funcs.getcompletion("Infill t", "cmdline") == ["toggle", "trigger"]
    assert nvim.api.funcs.getcompletion("Infill toggle ", "cmdline") == ["buffer", "filetype", "global"]


def test_explain_opens_a_page(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py", b"def f():\n")
    nvim.api.command("Infill explain")
    nvim.until(lambda: nvim.lines()[0] == "decision: line", "the page")
    assert nvim.lines() == ["decision: line", "raw: |", "  one", "  two", "timings_ms:", "  total: 12.5"]


def test_trigger_from_the_command_line(stage: StageMaker) -> None:
    shown = stage({"behind": "x = ", "text": "1"}, init="require('infill').setup({ enabled = false })")
    nvim = shown.editor
    nvim.open("sum.py", b"x = \n")
    nvim.type("$:Infill trigger<CR>")
    nvim.until_ghost("1")


def test_the_help_page_has_no_broken_links(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    doc = nvim.lua("return vim.api.nvim_get_runtime_file('doc/infill.txt', false)[1]")
    copy = nvim.workspace / "doc"
    copy.mkdir()
    (copy / "infill.txt").write_bytes(Path(doc).read_bytes())
    nvim.api.command(f"helptags {copy}")
    nvim.api.command(f"set runtimepath+={nvim.workspace}")
    text = (copy / "infill.txt").read_text(encoding="utf-8")
    tags = nvim.lua(
        "local found = {} for tag in (...):gmatch('|(%S-)|') do"
        " local ok = pcall(vim.cmd.help, tag) if not ok then found[#found + 1] = tag end end return found",
        text,
    )
    assert tags == []


def test_health_names_what_is_missing_and_the_next_step(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.lua("vim.lsp.config('infill_ls', { cmd = { 'no-such-server' } })")
    nvim.api.command("checkhealth infill")
    report = "\n".join(nvim.lines())
    assert "no-such-server is not executable." in report
    assert "pipx install infill-ls" in report
