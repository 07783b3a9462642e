--- Ghost text from infill-ls.  See |infill|.

local M = {}

local function session()
  return require('infill.session')
end

local function whole(rest)
  return rest
end

---@param cut fun(rest: string): string
---@return boolean
local function take(cut)
  local native = require('infill.native')
  if native.is_drawing(vim.api.nvim_get_current_buf()) then
    return native.accept(cut ~= whole and cut or nil)
  end
  return require('infill.accept').take(cut)
end

--- Set options; see |infill-setup|.  Calling it is not needed.
---
---@param options? table
function M.setup(options)
  require('infill.config').set(options)
  require('infill.native').follow_all()
end

--- Accept the visible suggestion.
---
---@return boolean # False, and nothing happens, where none is visible.
function M.accept()
  return take(whole)
end

--- Accept the next word of the visible suggestion; the rest stays visible.
---
---@return boolean # False, and nothing happens, where none is visible.
function M.accept_word()
  return take(require('infill.text').first_word)
end

--- Accept the visible suggestion up to the end of a line; the rest stays visible.
---
---@return boolean # False, and nothing happens, where none is visible.
function M.accept_line()
  return take(require('infill.text').first_line)
end

---@param step integer
---@return boolean
local function cycle(step)
  local native = require('infill.native')
  if native.is_drawing(vim.api.nvim_get_current_buf()) then
    return native.cycle(step)
  end
  return session().cycle(step)
end

--- Show the next candidate.
---
---@return boolean # False where none is visible.
function M.next()
  return cycle(1)
end

--- Show the previous candidate.
---
---@return boolean # False where none is visible.
function M.previous()
  return cycle(-1)
end

--- Take the ghost text away until the text changes.
---
---@return boolean # False where none is visible.
function M.dismiss()
  local native = require('infill.native')
  local bufnr = vim.api.nvim_get_current_buf()
  if native.is_drawing(bufnr) then
    return native.dismiss(bufnr)
  end
  return session().dismiss()
end

--- Ask for suggestions now, for several, also where they are switched off or a menu is open.
function M.trigger()
  session().update({ asked = true })
end

--- Tell whether a suggestion is visible.
---
---@return boolean
function M.is_visible()
  local native = require('infill.native')
  local bufnr = vim.api.nvim_get_current_buf()
  if native.is_drawing(bufnr) then
    return native.is_visible(bufnr)
  end
  return session().visible() ~= nil
end

--- Switch suggestions on or off.
---
---@param scope? 'buffer'|'filetype'|'global' Where; the current buffer if nil.
---@param on? boolean The opposite of now if nil.
---@return boolean # Whether they are on in the current buffer afterwards.
function M.toggle(scope, on)
  local config = require('infill.config')
  local bufnr = vim.api.nvim_get_current_buf()
  if on == nil then
    on = not config.is_enabled(bufnr)
  end
  if scope == 'filetype' then
    config.options.filetypes[vim.bo[bufnr].filetype] = on
    vim.b[bufnr].infill_enabled = nil
  elseif scope == 'global' then
    vim.g.infill_enabled = on
    vim.b[bufnr].infill_enabled = nil
  else
    vim.b[bufnr].infill_enabled = on
  end
  require('infill.native').follow_all()
  session().update({ again = true })
  vim.cmd.redrawstatus()
  return config.is_enabled(bufnr)
end

--- Give a short text for the status line, such as `infill ✓ embedded`.
---
---@return string
function M.statusline()
  return require('infill.status').line(vim.api.nvim_get_current_buf())
end

--- Let a key do something with a suggestion, and what it did before where none is visible.
---
---@param key string Such as `<Tab>`.
---@param action string Name of one of the functions above, such as `accept`.
function M.map(key, action)
  require('infill.keys').map(key, action)
end

return M
