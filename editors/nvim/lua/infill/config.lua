--- The options of `require('infill').setup()`.

local M = {}

---@class infill.Config
---@field enabled boolean Show ghost text while typing; if false, only when triggered.
---@field filetypes table<string, boolean> On or off by filetype; `*` means all others.
---@field with_popup_menu boolean Also show ghost text while a popup menu is open.
---@field renderer 'auto'|'own'|'native' Who draws; see |infill-renderer|.
---@field edits boolean Propose next edits.
---@field restart boolean Restart the language server after a crash.

---@type infill.Config
local defaults = {
  enabled = true,
  filetypes = {},
  with_popup_menu = false,
  renderer = 'auto',
  edits = true,
  restart = true,
}

---@type infill.Config
M.options = vim.deepcopy(defaults)

--- Set the user's options; an unknown or ill-typed one keeps its default and is named in one message.
---
---@param options? table
function M.set(options)
  M.options = vim.deepcopy(defaults)
  local wrong = {}
  for key, value in pairs(options or {}) do
    if defaults[key] == nil then
      wrong[#wrong + 1] = ('there is no option %s'):format(key)
    elseif type(value) ~= type(defaults[key]) then
      wrong[#wrong + 1] = ('%s must be a %s'):format(key, type(defaults[key]))
    elseif key == 'renderer' and not vim.list_contains({ 'auto', 'own', 'native' }, value) then
      wrong[#wrong + 1] = 'renderer must be auto, own or native'
    else
      M.options[key] = value
    end
  end
  if #wrong > 0 then
    table.sort(wrong)
    vim.notify(('infill: %s; see :help infill-setup.'):format(table.concat(wrong, '; ')), vim.log.levels.WARN)
  end
end

--- Return whether automatic suggestions are on in a buffer.
---
---@param bufnr integer
---@return boolean
function M.is_enabled(bufnr)
  local own = vim.b[bufnr].infill_enabled
  if own ~= nil then
    return own and true or false
  end
  if vim.g.infill_enabled ~= nil then
    if not vim.g.infill_enabled then
      return false
    end
  elseif not M.options.enabled then
    return false
  end
  local filetypes = M.options.filetypes
  local by_type = filetypes[vim.bo[bufnr].filetype]
  if by_type == nil then
    by_type = filetypes['*']
  end
  return by_type ~= false
end

return M
