--- Key mappings that keep their previous meaning if nothing is shown.

local M = {}

--- The modes of the actions that do not act in insert mode only. <Esc> has to leave insert mode at once.
local MODES = {
  accept = { 'i', 'n' },
  dismiss = { 'i', 'n' },
  edit_next = { 'i', 'n' },
  edit_dismiss = { 'n' },
}

---@param keys string
---@param mode string
local function feed(keys, mode)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), mode, false)
end

---@param former table Result of maparg(); empty if the key was not mapped.
---@param key string
local function run_former(former, key)
  -- In insert mode the count is that of an earlier command.
  local count = vim.v.count > 0 and vim.api.nvim_get_mode().mode == 'n' and tostring(vim.v.count) or ''
  local mode = former.noremap == 0 and 'im' or 'in'
  if former.callback then
    local result = former.callback()
    if former.expr == 1 and type(result) == 'string' then
      feed(count .. result, mode)
    end
  elseif former.rhs and former.expr == 1 then
    feed(count .. vim.api.nvim_eval(former.rhs), mode)
  elseif former.rhs then
    feed(count .. former.rhs, mode)
  else
    feed(count .. key, 'in')
  end
end

--- Map `key` to `action`, in the modes of the action; if that returns false, the key does what it did before.
---
---@param key string
---@param action string
function M.map(key, action)
  local infill = require('infill')
  for _, mode in ipairs(MODES[action] or { 'i' }) do
    local former = vim.fn.maparg(key, mode, false, true)
    vim.keymap.set(mode, key, function()
      if not infill[action]() then
        run_former(former, key)
      end
    end, { desc = ('infill: %s, or what %s did before'):format(action, key) })
  end
end

return M
