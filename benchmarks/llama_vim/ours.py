"""Our side: the plugin, the server and the engine, set up as their documentation says.

Nothing else is passed to them: the plugin finds ``infill-ls`` on the PATH.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drivers import installation, neovim
from benchmarks.drivers.neovim import PLUGIN, Neovim
from benchmarks.llama_vim.side import MARK, home
from infill_completion.settings import EngineSettings
from infill_server.commands.bench.counters import counters
from infill_server.lsp.pauses import PAUSE_S

# A suggestion that grows has done so by then, with the embedded model.
GROWN_S = 0.15


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
        """Return a new editor once the model is ready."""
        self._started += 1
        plugin = f"vim.opt.runtimepath:prepend({json.dumps(str(PLUGIN))})\n"
        folder = home(self.folder, f"{plugin}vim.lsp.enable('infill_ls')")
        nvim = neovim.start(self.folder, f"work{self._started}", self.environment, home=folder)
        nvim.lua(self._ASKED)
        nvim.open("ready.py")
        neovim.ready(nvim)
        return nvim

    def is_settled(self, nvim: Neovim) -> bool:
        """Return whether no request is running, and the last key is so long ago that no suggestion grows any more."""
        return bool(
            nvim.lua(
                "local key for _, event in ipairs(infill_probe.events) do"
                " if event[1] == 'key' then key = event[2] end end"
                " if key and vim.uv.hrtime() / 1e6 - key < ... then return false end"
                " for _, c in ipairs(vim.lsp.get_clients({ name = 'infill_ls' })) do"
                "  for _, r in pairs(c.requests) do if r.type == 'pending' then return false end end end return true",
                1000 * (PAUSE_S + GROWN_S),
            )
        )

    def counted(self, nvim: Neovim) -> dict[str, float]:
        """Return counters of the editor's requests and of computed tokens."""
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
def infill(folder: Path, eagerness: str = "auto") -> Iterator[Infill]:
    """Yield our side; its engine ends with the context."""
    folder.mkdir()
    with installation.home(folder) as environment:
        if eagerness != "auto":
            with Path(environment["INFILL_LS_CONFIG"]).open("a", encoding="utf-8") as file:
                file.write(f"[completion]\neagerness = {json.dumps(eagerness)}\n")
        yield Infill(folder, environment, "infill-ls" if eagerness == "auto" else f"infill-ls, {eagerness}")
