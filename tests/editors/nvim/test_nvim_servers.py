"""Crashed servers, and several windows and buffers."""

from __future__ import annotations

import os
import signal

import pytest

from tests.editors.nvim.stage import Stage, StageMaker

pytestmark = pytest.mark.editor

ADD = {"behind": "def add(", "text": "left, right):\n    return left + right"}
GHOST = "left, right):\n    return left + right"


def pids(shown: Stage) -> list[int]:
    return [event["pid"] for event in shown.server.events("initialized")]


def test_a_killed_server_is_restarted_with_the_text(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    nvim.type("i# text from before<CR>")
    nvim.until(lambda: len(nvim.lines()) == 2, "the text is there")
    shown.until_heard("initialized")
    os.kill(pids(shown)[0], signal.SIGKILL)
    nvim.until(lambda: len(pids(shown)) == 2, "a second server")
    nvim.until(nvim.is_served, "the second server serves the buffer")
    nvim.type("<C-u>def add(")
    nvim.until_ghost(GHOST)


def test_a_server_that_keeps_crashing_is_given_up_with_one_message(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    # The delays between restarts are not part of this test.
    nvim.lua("local real = vim.defer_fn vim.defer_fn = function(f, ms) return real(f, math.min(ms, 10)) end")
    for count in range(1, 5):
        nvim.until(lambda count=count: len(pids(shown)) == count, f"server number {count}")  # type: ignore[misc]
        nvim.until(nvim.is_served, "it serves the buffer")
        os.kill(pids(shown)[-1], signal.SIGKILL)
    nvim.until(lambda: "died 4 times in a row" in nvim.api.command_output("messages"), "the message")
    assert nvim.lua("return require('infill').statusline()") == "infill ✗"
    nvim.api.command("Infill restart")
    nvim.until(lambda: len(pids(shown)) == 5, "a server started by hand")


def test_a_server_that_was_asked_to_exit_is_not_restarted(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    shown.until_heard("initialized")
    nvim.lua("vim.lsp.stop_client(vim.lsp.get_clients({ name = 'infill_ls' }))")
    nvim.until(lambda: nvim.lua("return require('infill').statusline()") == "infill ✗", "the server has ended")
    assert len(pids(shown)) == 1


def test_restart_by_hand(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    shown.until_heard("initialized")
    nvim.api.command("Infill restart")
    nvim.until(lambda: len(pids(shown)) == 2, "a second server")
    nvim.until(nvim.is_served, "the second server serves the buffer")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)


def test_the_server_ends_with_the_editor(stage: StageMaker) -> None:
    shown = stage(ADD)
    nvim = shown.editor
    nvim.open("sum.py")
    shown.until_heard("initialized")
    pid = pids(shown)[0]
    descriptor = os.pidfd_open(pid)
    nvim.close()
    import select

    readable, _, _ = select.select([descriptor], [], [], 10)
    os.close(descriptor)
    assert readable, "the server outlived its editor"


def test_two_windows_on_one_buffer_show_it_once(stage: StageMaker) -> None:
    nvim = stage(ADD).editor
    nvim.open("sum.py")
    nvim.api.command("split")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)
    nvim.type("<Cmd>wincmd w<CR>")
    nvim.until(lambda: nvim.ghost() in ("", GHOST), "the other window")
    nvim.escape()
    assert nvim.ghost() == ""


def test_another_buffer_has_its_own_text(stage: StageMaker) -> None:
    nvim = stage(ADD, {"behind": "fn main(", "text": ") {}"}).editor
    nvim.open("sum.py")
    nvim.type("idef add(")
    nvim.until_ghost(GHOST)
    nvim.type("<Esc>")
    nvim.open("main.rs")
    nvim.type("ifn main(")
    nvim.until_ghost(") {}")
    nvim.type("<Tab>")
    nvim.until_lines("fn main() {}")
