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
  local builtin = require('infill.builtin')
  if builtin.is_drawing(vim.api.nvim_get_current_buf()) then
    return builtin.accept(cut ~= whole and cut or nil)
  end
  return require('infill.accept').take(cut)
end

--- Set options; see |infill-setup|.  Calling this is optional.
---
---@param options? table
function M.setup(options)
  require('infill.config').set(options)
  require('infill.builtin').follow_all()
end

--- Accept the visible suggestion; without one, do what `edit_next` does.
---
---@return boolean # False if neither is visible; then nothing happens.
function M.accept()
  return take(whole) or M.edit_next()
end

--- Accept the next word of the visible suggestion; the rest stays visible.
---
---@return boolean # False if no suggestion is visible; then nothing happens.
function M.accept_word()
  return take(require('infill.text').first_word)
end

--- Accept the visible suggestion up to the end of a line; the rest stays visible.
---
---@return boolean # False if no suggestion is visible; then nothing happens.
function M.accept_line()
  return take(require('infill.text').first_line)
end

---@param step integer
---@return boolean
local function cycle(step)
  local builtin = require('infill.builtin')
  if builtin.is_drawing(vim.api.nvim_get_current_buf()) then
    return builtin.cycle(step)
  end
  return session().cycle(step)
end

--- Show the next candidate.
---
---@return boolean # False if none is visible.
function M.next()
  return cycle(1)
end

--- Show the previous candidate.
---
---@return boolean # False if none is visible.
function M.previous()
  return cycle(-1)
end

--- Go to the next edit that is proposed; if the cursor is there, make it and go on.
---
---@return boolean # False if none is visible; then nothing happens.
function M.edit_next()
  return require('infill.edits').next()
end

--- Hide the edits that are proposed; they do not come back.
---
---@return boolean # False if none is visible.
function M.edit_dismiss()
  return require('infill.edits').dismiss()
end

--- Hide the ghost text until the text changes; in normal mode, do what `edit_dismiss` does.
---
---@return boolean # False if nothing is visible.
function M.dismiss()
  if vim.api.nvim_get_mode().mode == 'n' then
    return M.edit_dismiss()
  end
  local builtin = require('infill.builtin')
  local bufnr = vim.api.nvim_get_current_buf()
  if builtin.is_drawing(bufnr) then
    return builtin.dismiss(bufnr)
  end
  return session().dismiss()
end

--- Request several suggestions now, even if they are switched off or a menu is open.
function M.trigger()
  session().update({ asked = true })
end

--- Return whether a suggestion is visible.
---
---@return boolean
function M.is_visible()
  local builtin = require('infill.builtin')
  local bufnr = vim.api.nvim_get_current_buf()
  if builtin.is_drawing(bufnr) then
    return builtin.is_visible(bufnr)
  end
  return session().visible() ~= nil
end

--- Switch suggestions on or off.
---
---@param scope? 'buffer'|'filetype'|'global' Default: the current buffer.
---@param on? boolean Default: the opposite of the current state.
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
  require('infill.builtin').follow_all()
  session().update({ again = true })
  require('infill.edits').refresh_soon()
  vim.cmd.redrawstatus()
  return config.is_enabled(bufnr)
end

--- Return a short text for the status line, such as `infill ✓`.
---
---@return string
function M.statusline()
  return require('infill.status').line(vim.api.nvim_get_current_buf())
end

--- Map a key to an action on what is visible; if nothing is, the key keeps its previous meaning.
---
--- Keys act in insert mode; those of next edits in normal mode too, where `edit_dismiss` acts only.
---
---@param key string Such as `<Tab>`.
---@param action string Name of one of the functions above, such as `accept`.
function M.map(key, action)
  require('infill.keys').map(key, action)
end

return M
