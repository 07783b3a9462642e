--- Key mappings that keep their previous meaning if there is no suggestion.

local M = {}

---@param keys string
---@param mode string
local function feed(keys, mode)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), mode, false)
end

---@param former table Result of maparg(); empty if the key was not mapped.
---@param key string
local function run_former(former, key)
  local mode = former.noremap == 0 and 'im' or 'in'
  if former.callback then
    local result = former.callback()
    if former.expr == 1 and type(result) == 'string' then
      feed(result, mode)
    end
  elseif former.rhs and former.expr == 1 then
    feed(vim.api.nvim_eval(former.rhs), mode)
  elseif former.rhs then
    feed(former.rhs, mode)
  else
    feed(key, 'in')
  end
end

--- Map `key` in insert mode to `action`; if that returns false, the key does what it did before.
---
---@param key string
---@param action string
function M.map(key, action)
  local infill = require('infill')
  local former = vim.fn.maparg(key, 'i', false, true)
  vim.keymap.set('i', key, function()
    if not infill[action]() then
      run_former(former, key)
    end
  end, { desc = ('infill: %s, or what %s did before'):format(action, key) })
end

return M
