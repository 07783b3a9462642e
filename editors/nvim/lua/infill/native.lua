--- Neovim's own inline completion (0.12 and newer), where the user or the option `renderer` prefers it.

local config = require('infill.config')

local M = {}

---@return table?
local function module()
  local found, native = pcall(function()
    return vim.lsp.inline_completion
  end)
  return found and type(native) == 'table' and native or nil
end

--- Tell whether this Neovim can draw inline completions itself.
---
---@return boolean
function M.exists()
  return module() ~= nil
end

--- Tell whether Neovim draws in this buffer, so that we must not.
---
---@param bufnr integer
---@return boolean
function M.is_drawing(bufnr)
  local native = module()
  return native ~= nil and config.options.renderer ~= 'own' and native.is_enabled({ bufnr = bufnr })
end

--- Hand drawing to Neovim where the options say so.
function M.setup()
  local native = module()
  if native and config.options.renderer == 'native' then
    native.enable(true)
  end
end

--- Accept what Neovim shows, or the part of it that `cut` leaves.
---
---@param cut? fun(rest: string): string
---@return boolean
function M.accept(cut)
  local native = module()
  if not native then
    return false
  end
  if not cut then
    return native.get() == true
  end
  return native.get({
    on_accept = function(item)
      M.insert(item, cut)
    end,
  }) == true
end

--- Insert a part of one of Neovim's items at the cursor; Neovim itself only knows whole ones.
---
---@param item table
---@param cut fun(rest: string): string
function M.insert(item, cut)
  local text = require('infill.text')
  local place = text.here()
  local value = type(item.insert_text) == 'table' and item.insert_text.value or item.insert_text
  value = text.normalized(value, vim.bo[place.bufnr].fileformat)
  -- Its range type differs between releases, so what stands there already is found by comparing.
  local before = place.line:sub(1, place.col)
  local start = 1
  while not vim.startswith(value, before:sub(start)) do
    start = start + 1
  end
  local piece = cut(value:sub(#before - start + 2))
  if piece == '' then
    return
  end
  local lines = vim.split(piece, '\n', { plain = true })
  vim.api.nvim_buf_set_text(place.bufnr, place.row, place.col, place.row, place.col, lines)
  local last = #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { place.row + #lines, #lines == 1 and place.col + last or last })
end

--- Show another candidate.
---
---@param step integer
---@return boolean
function M.cycle(step)
  local native = module()
  if native then
    native.select({ count = step })
  end
  return native ~= nil
end

return M
