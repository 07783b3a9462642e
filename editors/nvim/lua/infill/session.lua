--- Ghost text while the user types: when to ask, what to show, when to take it away.
---
--- There is one cursor, so there is one session.  A keystroke goes through `update`: what is shown and still fits is
--- drawn again without asking; else the ghost text goes and the server is asked; its answer is laid over whatever was
--- typed meanwhile, or dropped.

local Candidates = require('infill.candidates')
local client_of = require('infill.client').of
local config = require('infill.config')
local ghost = require('infill.ghost')
local popup = require('infill.popup')
local requests = require('infill.requests')
local text = require('infill.text')

local M = {}

---@type infill.Candidates?
local candidates
---@type { bufnr: integer, item: table }?
local visible
---@type infill.Place?
local handled

local function is_inserting()
  return vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

---@param a infill.Place?
---@param b infill.Place
local function is_same(a, b)
  return a ~= nil and a.bufnr == b.bufnr and a.tick == b.tick and a.row == b.row and a.col == b.col
end

local function hide()
  if visible then
    ghost.clear(visible.bufnr)
    visible = nil
  end
end

--- Forget everything: ghost text, suggestions, the request under way.
function M.reset()
  requests.withdraw()
  hide()
  candidates = nil
  handled = nil
end

---@param now infill.Place
---@return boolean # Whether something fits.
local function show(now)
  local one, rest = nil, nil
  if candidates then
    one, rest = candidates:current(now)
  end
  if not (candidates and one and rest) then
    hide()
    return false
  end
  local count = ''
  if candidates.asked and #candidates.list > 1 then
    count = ('  (%d/%d)'):format(candidates.index, #candidates.list)
  end
  if visible and visible.bufnr ~= now.bufnr then
    hide()
  end
  ghost.draw(now, rest, one.replaced, count)
  local is_new = not visible or visible.item ~= one.item
  visible = { bufnr = now.bufnr, item = one.item }
  if is_new then
    local client = vim.lsp.get_client_by_id(candidates.client_id)
    if client then
      client:notify('textDocument/didShowCompletion', { item = one.item })
    end
  end
  return true
end

---@param asked boolean
local function is_held_back(asked)
  return not asked and not config.options.with_popup_menu and popup.is_open()
end

--- Say why nothing came of a question; only a user who asked wants to know.
local function tell_nothing()
  local status = require('infill.status').get()
  local reason = status and status.reason ~= '' and status.reason or 'No suggestion here; :Infill explain tells why.'
  -- Into the history as well: the next redraw of the mode takes it from the screen.
  vim.api.nvim_echo({ { 'infill: ' .. reason, 'Comment' } }, true, {})
end

---@param answer infill.Candidates
---@param step integer How far to go in the list.
local function received(answer, step)
  if not is_inserting() or is_held_back(answer.asked) then
    return
  end
  -- The older of two requests may answer late; it must not replace what the newer one brought.
  if candidates and candidates.place.tick > answer.place.tick then
    return
  end
  if #answer.list == 0 then
    if answer.asked then
      tell_nothing()
    end
    return
  end
  local now = text.here()
  if step ~= 0 then
    answer:seek(visible and candidates and candidates.list[candidates.index] or nil)
    answer:cycle(now, step)
  end
  -- What does not fit any more must not take away what does.
  if answer:current(now) then
    candidates = answer
    show(now)
    handled = now
  end
end

--- Bring the ghost text up to date with the cursor of the current window.
---
---@param options? { asked?: boolean, again?: boolean, step?: integer }
function M.update(options)
  options = options or {}
  local asked = options.asked or false
  local bufnr = vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not client or not is_inserting() or vim.fn.reg_executing() ~= '' then
    return M.reset()
  end
  if require('infill.native').is_drawing(bufnr) then
    return M.reset()
  end
  if not (asked or config.is_enabled(bufnr)) then
    return M.reset()
  end
  if is_held_back(asked) then
    return M.reset()
  end
  local now = text.here()
  if not (asked or options.again) and is_same(handled, now) then
    return
  end
  handled = now
  if not asked and show(now) then
    return
  end
  if not asked then
    hide()
  end
  if client.server_capabilities.inlineCompletionProvider then
    requests.send(client, now, asked, function(result)
      received(Candidates.new(now, client, result, asked), options.step or 0)
    end)
  end
end

--- Ask again where the last answer may have been empty for a reason that is gone.
function M.refresh()
  vim.schedule(function()
    -- A request that is still under way will bring the news itself.
    if is_inserting() and not visible and not requests.is_under_way() then
      M.update({ again = true })
    end
  end)
end

--- Give the suggestion that is visible now.
---
---@return infill.Candidate?
---@return string? # what is left of it
---@return infill.Candidates?
function M.visible()
  if not (visible and candidates) then
    return nil
  end
  local one, rest = candidates:current(text.here())
  if one and one.item == visible.item then
    return one, rest, candidates
  end
end

--- Take the ghost text away until the text changes.
---
---@return boolean # Whether there was any.
function M.dismiss()
  local was_visible = visible ~= nil
  local now = text.here()
  M.reset()
  handled = now
  return was_visible
end

--- Show another candidate; the server is asked for more where there is only one.
---
---@param step integer 1 or -1.
---@return boolean # Whether there was ghost text.
function M.cycle(step)
  local one, _, all = M.visible()
  if not (one and all) then
    return false
  end
  if all.asked then
    local now = text.here()
    all:cycle(now, step)
    show(now)
  else
    M.update({ asked = true, step = step })
  end
  return true
end

--- Look after the ghost text of a buffer.
---
---@param bufnr integer
function M.watch(bufnr)
  local group = vim.api.nvim_create_augroup(('infill.buffer.%d'):format(bufnr), {})
  vim.api.nvim_create_autocmd({ 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      M.update()
    end,
  })
  vim.api.nvim_create_autocmd('InsertEnter', {
    group = group,
    buffer = bufnr,
    -- The mode changes only after this event.
    callback = vim.schedule_wrap(function()
      M.update()
    end),
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave', 'WinLeave' }, {
    group = group,
    buffer = bufnr,
    callback = M.reset,
  })
  require('infill.entries').watch(bufnr, group)
  if vim.api.nvim_get_current_buf() == bufnr then
    M.refresh()
  end
end

--- Leave a buffer alone from now on.
---
---@param bufnr integer
function M.forget(bufnr)
  pcall(vim.api.nvim_del_augroup_by_name, ('infill.buffer.%d'):format(bufnr))
  if vim.api.nvim_get_current_buf() == bufnr then
    M.reset()
  end
  ghost.clear(bufnr)
end

popup.watch(vim.api.nvim_create_augroup('infill.popup', {}), function()
  -- Whether the menu is open can only be read after the event.
  vim.schedule(function()
    if is_inserting() and client_of(vim.api.nvim_get_current_buf()) then
      M.update()
    end
  end)
end)

return M
