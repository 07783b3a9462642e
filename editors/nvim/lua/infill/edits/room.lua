--- Whether there is room for next edits: nothing else is shown, and the key that takes them is not needed otherwise.

local M = {}

---@return boolean
local function is_in_snippet()
  if vim.snippet and vim.snippet.active() then
    return true
  end
  local luasnip = package.loaded['luasnip'] -- Only if it is loaded: the check loads no plugin.
  return type(luasnip) == 'table' and luasnip.locally_jumpable ~= nil and luasnip.locally_jumpable(1) == true
end

--- Return whether the user is in normal or insert mode.
---
---@return boolean
function M.is_editing()
  local mode = vim.api.nvim_get_mode().mode
  return mode:sub(1, 1) == 'i' or mode == 'n'
end

--- Return whether next edits may be on the screen.
---
---@return boolean
function M.is_free()
  return M.is_editing()
    and vim.bo.modifiable
    and vim.fn.reg_recording() == ''
    and vim.fn.reg_executing() == ''
    and not require('infill.popup').is_open()
    and not require('infill').is_visible()
    and not is_in_snippet()
end

--- Return whether the cursor is in the indentation, where a tab indents.
---
---@return boolean
function M.is_indenting()
  local col = vim.api.nvim_win_get_cursor(0)[2]
  return vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
    and vim.api.nvim_get_current_line():sub(1, col):match('^%s*$') ~= nil
end

return M
