--- Whether a popup menu is open: Neovim's own, nvim-cmp's or blink.cmp's.

local M = {}

---@return boolean
function M.is_open()
  if vim.fn.pumvisible() == 1 then
    return true
  end
  -- Only loaded plugins are checked, so that the check loads none.
  local cmp = package.loaded['cmp']
  if type(cmp) == 'table' and cmp.visible and cmp.visible() then
    return true
  end
  local blink = package.loaded['blink.cmp']
  if type(blink) == 'table' then
    local visible = blink.is_menu_visible or blink.is_visible
    return visible ~= nil and visible() == true
  end
  return false
end

local hooked = {}

--- Call back whenever a menu opens or closes.
---
---@param group integer Autocommand group.
---@param changed fun()
function M.watch(group, changed)
  vim.api.nvim_create_autocmd({ 'CompleteChanged', 'CompleteDone' }, { group = group, callback = changed })
  vim.api.nvim_create_autocmd('User', {
    group = group,
    pattern = { 'BlinkCmpMenuOpen', 'BlinkCmpMenuClose' },
    callback = changed,
  })
  vim.api.nvim_create_autocmd('InsertEnter', {
    group = group,
    callback = function()
      local cmp = package.loaded['cmp']
      if type(cmp) == 'table' and cmp.event and not hooked.cmp then
        hooked.cmp = true
        cmp.event:on('menu_opened', changed)
        cmp.event:on('menu_closed', changed)
      end
    end,
  })
end

return M
