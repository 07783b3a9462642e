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
      local value = type(item.insert_text) == 'table' and item.insert_text.value or item.insert_text
      local from, to = item.range.start, item.range.end_
      -- Keep what stands there already; cut only what is new.
      local place = require('infill.text').here()
      local typed = place.line:sub((from.col or from[2]) + 1, place.col)
      local rest = vim.startswith(value, typed) and value:sub(#typed + 1) or value
      local piece = cut(rest)
      local bufnr = vim.api.nvim_get_current_buf()
      local lines = vim.split(piece, '\n', { plain = true })
      local replaced = piece == rest and math.max((to.col or to[2]) - place.col, 0) or 0
      vim.api.nvim_buf_set_text(bufnr, place.row, place.col, place.row, place.col + replaced, lines)
      local last = #lines[#lines]
      vim.api.nvim_win_set_cursor(0, { place.row + #lines, #lines == 1 and place.col + last or last })
    end,
  }) == true
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
