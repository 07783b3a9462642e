"""Types into Neovim and records every redraw, the same way for every plugin that draws ghost text with extmarks.

The clock runs inside the editor: from the moment Neovim receives a key to the end of the redraw that shows ghost text.
The time that a terminal needs to paint it is the same for all sides and is not included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.drivers.neovim import Neovim
from benchmarks.llama_vim.typed_keys import Key, keys_of

KEYS_PER_S = 8
POLL_S = 0.004
SETTLED_DEADLINE_S = 5.0

_PROBE = """
local names, styles = ...
local probe = { events = {}, keys = 0, screens = 0, on = false }
_G.infill_probe = probe
local now = function() return vim.uv.hrtime() / 1e6 end
vim.on_key(function(_, typed)
  if probe.on and typed and typed ~= '' then
    probe.keys = probe.keys + 1
    probe.screens = 0
    table.insert(probe.events, { 'key', now(), vim.fn.keytrans(typed) })
  end
end)
local function text(chunks)
  local all = ''
  for _, chunk in ipairs(chunks or {}) do
    local name = type(chunk[2]) == 'table' and chunk[2][#chunk[2]] or chunk[2]
    if styles[name] then all = all .. chunk[1] end
  end
  return all
end
local function screen()
  local place = vim.api.nvim_win_get_cursor(0)
  local first, below, in_place = '', '', true
  for name, space in pairs(vim.api.nvim_get_namespaces()) do
    if names[name] then
      for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })) do
        local part = text(mark[4].virt_text)
        first = first .. part
        in_place = in_place and (part == '' or (mark[2] == place[1] - 1 and mark[3] == place[2]))
        for _, line in ipairs(mark[4].virt_lines or {}) do below = below .. '\\n' .. text(line) end
      end
    end
  end
  return { 'screen', now(), first .. below, place[1] - 1, place[2], in_place }
end
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('infill_probe'), {
  on_end = function()
    if not probe.on then return end
    -- With syntax highlighting Neovim draws a typed letter twice, before and after the events that plugins listen to;
    -- only the state in which it waits again is sent to the terminal.
    if not probe.latest then
      vim.schedule(function()
        if probe.on then
          probe.screens = probe.screens + 1
          table.insert(probe.events, probe.latest)
        end
        probe.latest = nil
      end)
    end
    probe.latest = screen()
  end,
})
"""
_NAMESPACES = {"infill": True, "vt_fim": True}
_STYLES = {"InfillGhost": True, "llama_hl_fim_hint": True}
_NAMES = {"<CR>": "\n", "<Space>": " ", "<lt>": "<", "<Bar>": "|", "<Bslash>": "\\"}
_WRITTEN = {letter: name for name, letter in _NAMES.items()}


def prepare(nvim: Neovim) -> None:
    """Install the probe in the editor; call it once."""
    nvim.lua(_PROBE, _NAMESPACES, _STYLES)


def settle(nvim: Neovim, is_settled: Callable[[], bool], keys: int) -> None:
    """Wait until ``keys`` keys are received and drawn and no work is running."""
    end = time.monotonic() + SETTLED_DEADLINE_S
    while time.monotonic() < end:
        if nvim.lua("return infill_probe.keys >= ... and infill_probe.screens > 0", keys) and is_settled():
            return
        time.sleep(POLL_S)


def type_settled(nvim: Neovim, text: str, is_settled: Callable[[], bool]) -> list[Key]:
    """Type each letter once all work for the previous one is done."""
    done = []
    _start(nvim)
    for at, letter in enumerate(text):
        began = time.monotonic()
        nvim.type(_WRITTEN.get(letter, letter))
        settle(nvim, is_settled, at + 1)
        done.append((time.monotonic() - began) * 1000)
    keys = keys_of(_stop(nvim))
    for key, ms in zip(keys, done, strict=True):
        key.done_ms = ms
    return keys


def type_steadily(nvim: Neovim, text: str) -> list[Key]:
    """Type eight letters a second, regardless of what the editor shows."""
    _start(nvim)
    began = time.monotonic()
    for at, letter in enumerate(text):
        time.sleep(max(0.0, began + at / KEYS_PER_S - time.monotonic()))
        nvim.type(_WRITTEN.get(letter, letter))
    time.sleep(1 / KEYS_PER_S)
    return keys_of(_stop(nvim), 1000 / KEYS_PER_S)


def _start(nvim: Neovim) -> None:
    nvim.lua("infill_probe.events, infill_probe.keys, infill_probe.on = {}, 0, true")


def _stop(nvim: Neovim) -> list[Sequence[Any]]:
    events: list[list[Any]] = nvim.lua("infill_probe.on = false return infill_probe.events")
    return [[*event[:2], _NAMES.get(event[2], event[2]), *event[3:]] for event in events]
