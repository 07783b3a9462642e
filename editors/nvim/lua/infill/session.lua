--- Ghost text while the user types: when to send a request, what to show, when to hide it.
---
--- There is one cursor, so there is one session.  A keystroke goes through `update`: a suggestion that still fits is
--- drawn again without a request; otherwise the ghost text is hidden and a request is sent.  Its answer is adapted to the
--- text typed meanwhile, or dropped.

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
    require('infill.edits').refresh_soon()
  end
end

--- Discard everything: ghost text, suggestions, the request in flight.
function M.reset()
  requests.cancel()
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
    require('infill.edits').refresh_soon()
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

--- Show the reason for an empty answer; only for a request that the user invoked.
local function show_reason()
  local status = require('infill.status').get()
  local reason = status and status.reason ~= '' and status.reason or 'No suggestion here; :Infill explain shows why.'
  -- Add it to the message history: the next redraw of the mode removes it from the screen.
  vim.api.nvim_echo({ { 'infill: ' .. reason, 'Comment' } }, true, {})
end

---@param answer infill.Candidates
---@param step integer Offset in the list of candidates.
local function received(answer, step)
  if not is_inserting() or is_held_back(answer.asked) then
    return
  end
  -- The older of two requests may be answered last; it must not replace the newer answer.
  if candidates and candidates.place.tick > answer.place.tick then
    return
  end
  if #answer.list == 0 then
    if answer.asked then
      show_reason()
    end
    return
  end
  local now = text.here()
  if step ~= 0 then
    answer:seek(visible and candidates and candidates.list[candidates.index] or nil)
    answer:cycle(now, step)
  end
  -- An answer that no longer fits must not replace one that does.
  if answer:current(now) then
    candidates = answer
    show(now)
    handled = now
  end
end

--- Update the ghost text for the cursor of the current window.
---
--- With `longer`, what is visible stays until there is more.
---
---@param options? { asked?: boolean, again?: boolean, longer?: boolean, step?: integer }
function M.update(options)
  options = options or {}
  local asked = options.asked or false
  local bufnr = vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not client or not is_inserting() or vim.fn.reg_executing() ~= '' then
    return M.reset()
  end
  if require('infill.builtin').is_drawing(bufnr) then
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
  if not (asked or options.longer) then
    if show(now) then
      return
    end
    hide()
  end
  if client.server_capabilities.inlineCompletionProvider then
    requests.send(client, now, asked, function(result)
      received(Candidates.new(now, client, result, asked), options.step or 0)
    end)
  end
end

--- Send the request again after an event that may have changed an empty answer.
function M.refresh()
  vim.schedule(function()
    -- A request in flight will get the new answer.
    if is_inserting() and not visible and not requests.is_in_flight() then
      M.update({ again = true })
    end
  end)
end

--- Request what a suggestion has grown to while the user paused.
---
---@param document { uri: string, version: integer } The document as it was then.
function M.longer(document)
  local bufnr = vim.api.nvim_get_current_buf()
  local is_current = vim.uri_from_bufnr(bufnr) == document.uri and vim.lsp.util.buf_versions[bufnr] == document.version
  -- The candidates that the user asked for stay.
  if is_current and is_inserting() and not (visible and candidates and candidates.asked) then
    M.update({ again = true, longer = true })
  end
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

--- Hide the ghost text until the text changes.
---
---@return boolean # Whether there was any.
function M.dismiss()
  local was_visible = visible ~= nil
  local now = text.here()
  M.reset()
  handled = now
  return was_visible
end

--- Show another candidate; if there is only one, request more.
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

--- Show ghost text in a buffer from now on.
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

--- Stop showing ghost text in a buffer.
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
  -- The state of the menu can only be read after the event.
  vim.schedule(function()
    if is_inserting() and client_of(vim.api.nvim_get_current_buf()) then
      M.update()
    end
    require('infill.edits').refresh_soon()
  end)
end)

return M
