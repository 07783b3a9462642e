"""The time from a keystroke to its ghost text in a real Neovim.

The clock runs inside the editor, from the event of the typed letter to the extmark.  Each letter is typed after the
answer for the previous one, and in `main` not sooner than a typist would (`RHYTHM_MS`).  Letters without a suggestion
are not counted.  Run it by itself with ``python -m tests.editors.nvim.latency [--json FILE]``; it then also tells how
long after the key the server and the engine were reached (`tests.editors.hops`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.drivers.installation import home
from benchmarks.drivers.neovim import Neovim, lua_list, ready, start
from tests.editors.sample import CODE

# As in the VS Code test.
RHYTHM_MS = 90
HOPS = Path(__file__).parents[1] / "hops.py"
TYPED = (
    "\n\ndef write_settings(path, settings):\n"
    '    with open(path, "w", encoding="utf-8") as file:\n'
    "json.dump(settings, file)\n"
    "\n"
    "\n\ndef read_lines(path):\n"
    '    with open(path, encoding="utf-8") as file:\n'
    "return file.read().splitlines()\n"
)

CLOCK = """
local clock = { keys = {}, asked = 0 }
_G.infill_clock = clock
local set_extmark = vim.api.nvim_buf_set_extmark
vim.api.nvim_buf_set_extmark = function(buffer, namespace, ...)
  local mark = set_extmark(buffer, namespace, ...)
  local spaces = vim.api.nvim_get_namespaces()
  local key = clock.keys[#clock.keys]
  local is_ghost = namespace == spaces['infill'] or namespace == spaces['nvim.lsp.inline_completion']
  if is_ghost and key and not key.drawn_ms then
    key.drawn_ms = (vim.uv.hrtime() - key.at) / 1e6
    key.asked = clock.asked > key.asked_before
  end
  return mark
end
vim.api.nvim_create_autocmd('InsertCharPre', { callback = function()
  table.insert(clock.keys, { at = vim.uv.hrtime(), asked_before = clock.asked })
end })
vim.api.nvim_create_autocmd('LspRequest', { callback = function(args)
  local request = args.data.request
  if request.method == 'textDocument/inlineCompletion' and request.type == 'pending' then
    clock.asked = clock.asked + 1
  end
end })
"""

# Waits until so long after the last letter; events are processed meanwhile.
_PAUSE = """
local last = infill_clock.keys[#infill_clock.keys]
local left_ms = last and ... - (vim.uv.hrtime() - last.at) / 1e6 or 0
if left_ms > 0 then vim.wait(math.floor(left_ms)) end
"""


def measure(
    nvim: Neovim, typed: str = TYPED, *, builtin: bool = False, rhythm_ms: int = 0, hop_log: Path | None = None
) -> dict[str, Any]:
    """Type into the current buffer and return medians and 90th percentiles in milliseconds.

    ``fresh``: the server was asked; ``known``: the letter is what the ghost text says.  With ``builtin`` Neovim draws,
    which asks after every key, but later.  ``rhythm_ms`` is the shortest time between two letters; ``hop_log`` is what
    the server has logged (`tests.editors.hops`).
    """
    nvim.lua(CLOCK)
    nvim.type("Go")
    for letter in typed:
        keys = {"\n": "<CR>", "<": "<lt>", " ": "<Space>"}.get(letter, letter)
        asked = nvim.lua("return infill_clock.asked")
        if rhythm_ms:
            nvim.lua(_PAUSE, rhythm_ms)
        nvim.type(keys)
        if builtin:
            nvim.until(_more_requests_than(nvim, asked), "Neovim asks")
        nvim.settled()
    keys = nvim.lua(
        "local found = {} for i, key in ipairs(infill_clock.keys) do"
        " found[i] = { at = key.at, drawn_ms = key.drawn_ms, asked = key.asked } end return found"
    )
    nvim.escape()
    asked = [key["drawn_ms"] for key in keys if key.get("asked")]
    known = [key["drawn_ms"] for key in keys if key.get("asked") is False]
    return {
        "neovim": nvim.lua("return tostring(vim.version())"),
        "drawn_by": "Neovim" if builtin else "the plugin",
        "what": "Neovim, embedded model on the CPU: from a key to the ghost text in the buffer",
        "letters": len(keys),
        "rhythm_ms": rhythm_ms,
        "fresh": _summary(asked),
        "known": _summary(known),
        **({} if hop_log is None else _hops(hop_log, keys)),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _hops(log: Path, keys: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median times from a key that the engine answered to each hop, and how often the engine was asked."""
    hops = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    passed: dict[str, list[float]] = {}
    for key in keys:
        if not key.get("asked"):
            continue
        began_ms, times = key["at"] / 1e6, {"shown": key["drawn_ms"]}
        for hop in hops:
            after_ms = hop["monotonic_ms"] - began_ms
            if 0 <= after_ms <= key["drawn_ms"] and not hop.get("is_lookahead"):
                times.setdefault(hop["hop"], after_ms)
        if "finished" in times:
            for name, after_ms in times.items():
                passed.setdefault(name, []).append(after_ms)
    medians = {name: round(statistics.median(values), 1) for name, values in passed.items()}
    order = ("changed", "requested", "asked", "finished", "answered", "shown")
    asked = [hop["is_lookahead"] for hop in hops if hop["hop"] == "asked"]
    return {
        "fresh_from_engine": _summary(passed.get("shown", [])),
        "hops_from_engine": {f"{name}_ms": medians[name] for name in order if name in medians},
        "per_key": {
            "engine_requests": round(asked.count(False) / len(keys), 2),
            "engine_requests_ahead": round(asked.count(True) / len(keys), 2),
        },
    }


def _more_requests_than(nvim: Neovim, asked: int) -> Callable[[], bool]:
    return lambda: int(nvim.lua("return infill_clock.asked")) > asked


def _summary(values: list[float]) -> dict[str, float | int]:
    if len(values) < 2:
        return {"samples": len(values)}
    return {
        "samples": len(values),
        "p50_ms": round(statistics.median(values), 2),
        "p90_ms": round(statistics.quantiles(values, n=10)[-1], 2),
    }


def main() -> None:
    """Print the measurements of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builtin", action="store_true", help="let Neovim 0.12 ask and draw")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, home(Path(folder)) as environment:
        log = Path(folder) / "hops.jsonl"
        init = f"vim.lsp.config('infill_ls', {{ cmd = {lua_list([sys.executable, str(HOPS), str(log)])} }})\n"
        init += "require('infill').setup({ renderer = 'native' })" if arguments.builtin else ""
        nvim = start(Path(folder), "work", environment, init)
        nvim.open("names.py", CODE)
        ready(nvim)
        figures = measure(nvim, builtin=arguments.builtin, rhythm_ms=RHYTHM_MS, hop_log=log)
        nvim.close()
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
