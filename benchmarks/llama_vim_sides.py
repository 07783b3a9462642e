"""The two sides that are compared, each as its own documentation sets it up, in the same Neovim.

Nothing is passed to either beyond what it needs to be found: our plugin finds ``infill-ls`` on the PATH, llama.vim is
told the port of its server.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.drivers import installation, neovim
from benchmarks.drivers.neovim import PLUGIN, Neovim
from infill_completion.settings import EngineSettings
from infill_server.commands.bench.counters import counters

MARK = "XDG_RUNTIME_DIR"  # every process of one side has its own, from the editor to the model
_OPTIONS = """
vim.opt.swapfile = false
vim.opt.shadafile = 'NONE'
vim.opt.messagesopt = 'wait:0,history:200'
"""


class Side(Protocol):
    """One way to have ghost text."""

    name: str
    environment: dict[str, str]

    def start(self) -> Neovim:
        """Return a new editor, with the model ready."""

    def is_settled(self, nvim: Neovim) -> bool:
        """Tell whether no request is under way and none is planned."""

    def counted(self, nvim: Neovim) -> dict[str, float]:
        """Return requests of the editor and tokens computed, since some moment."""


def home(folder: Path, init: str) -> Path:
    """Return the home of a user with ``init``, in Lua, as their only configuration."""
    config = folder / "home" / ".config" / "nvim"
    config.mkdir(parents=True, exist_ok=True)
    (config / "init.lua").write_text(_OPTIONS + init, encoding="utf-8")
    return folder / "home"


def cpu_s(side: Side) -> tuple[float, float]:
    """Return the processor time of the side's processes, and of all that neither it nor the benchmark started.

    Processes that have ended count with those that started them.
    """
    import psutil

    mine = {os.getpid(), *(child.pid for child in psutil.Process().children())}
    own, known = 0.0, 0.0
    for process in psutil.process_iter():
        try:
            is_own = process.environ().get(MARK) == side.environment[MARK]
            spent = sum(process.cpu_times()[: 4 if is_own else 2])
        except psutil.Error:
            continue
        own += spent if is_own else 0.0
        known += spent if is_own or process.pid in mine else 0.0
    total = psutil.cpu_times()
    return own, total.user + total.nice + total.system - known


@dataclass
class Infill:
    """Our plugin, server and engine."""

    folder: Path
    environment: dict[str, str]
    name: str = "infill-ls"
    _started: int = 0

    _ASKED = """
    _G.infill_asked = 0
    vim.api.nvim_create_autocmd('LspRequest', { callback = function(args)
      local request = args.data.request
      if request.method == 'textDocument/inlineCompletion' and request.type == 'pending' then
        infill_asked = infill_asked + 1
      end
    end })
    """

    def start(self) -> Neovim:
        """Return a new editor, with the model ready."""
        self._started += 1
        plugin = f"vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})\n"
        folder = home(self.folder, f"{plugin}vim.lsp.enable('infill_ls')")
        nvim = neovim.start(self.folder, f"work{self._started}", self.environment, home=folder)
        nvim.lua(self._ASKED)
        nvim.open("ready.py")
        neovim.ready(nvim)
        return nvim

    def is_settled(self, nvim: Neovim) -> bool:
        """Tell whether no request is under way."""
        return bool(
            nvim.lua(
                "for _, c in ipairs(vim.lsp.get_clients({ name = 'infill_ls' })) do"
                "  for _, r in pairs(c.requests) do if r.type == 'pending' then return false end end end return true"
            )
        )

    def counted(self, nvim: Neovim) -> dict[str, float]:
        """Return requests of the editor and tokens computed."""
        former = os.environ.get(MARK)
        os.environ[MARK] = self.environment[MARK]  # where the engine is found
        try:
            engine = asyncio.run(counters(EngineSettings(model="embedded")))
        finally:
            os.environ.pop(MARK)
            if former is not None:
                os.environ[MARK] = former
        read = engine.get("prompt_tokens", 0) - engine.get("cached_tokens", 0)
        return {
            "requests": int(nvim.lua("return infill_asked")), "model_requests": int(engine.get("requests", 0)),
            "prompt_tokens": int(read), "answer_tokens": int(engine.get("completion_tokens", 0)),
        }  # fmt: skip


@contextmanager
def infill(folder: Path) -> Iterator[Infill]:
    """Give our side; its engine ends with the context."""
    folder.mkdir()
    with installation.home(folder) as environment:
        yield Infill(folder, environment)
