"""A side of the comparison: a plugin in Neovim with its servers, set up as its own documentation says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from benchmarks.drivers.neovim import Neovim

MARK = "XDG_RUNTIME_DIR"  # each side has its own value, in all its processes from the editor to the model
_OPTIONS = """
vim.opt.swapfile = false
vim.opt.shadafile = 'NONE'
vim.opt.messagesopt = 'wait:0,history:200'
"""


class Side(Protocol):
    """One provider of ghost text."""

    name: str
    environment: dict[str, str]

    def start(self) -> Neovim:
        """Return a new editor once the model is ready."""

    def is_settled(self, nvim: Neovim) -> bool:
        """Return whether no request is running or scheduled."""

    def counted(self, nvim: Neovim) -> dict[str, float]:
        """Return counters of the editor's requests and of computed tokens; only their differences mean something."""


def home(folder: Path, init: str) -> Path:
    """Return a home directory whose only configuration is ``init``, in Lua."""
    config = folder / "home" / ".config" / "nvim"
    config.mkdir(parents=True, exist_ok=True)
    (config / "init.lua").write_text(_OPTIONS + init, encoding="utf-8")
    return folder / "home"


def cpu_s(side: Side) -> tuple[float, float]:
    """Return the processor time of the side's processes, and that of all processes of others, in seconds.

    Processes of the benchmark count as neither.  Ended processes count with their parents.
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
