--- Next edits: the change that the user has made, proposed at the other places where it is due.
---
--- There is one cursor, so there is one offer: the edits of the last answer, in the current buffer.  It is drawn while
--- nothing else is, and dropped when the text changes otherwise than by taking them.

local client_of = require('infill.client').of
local config = require('infill.config')
local drawing = require('infill.edits.drawing')
local Offer = require('infill.edits.offer')
local requests = require('infill.edits.requests')
local room = require('infill.edits.room')

local M = {}

---@type infill.EditOffer?
local offer
--- The buffer of the last edit that was taken, and its `changedtick` after that.
---@type { bufnr: integer, tick: integer }?
local taken
--- What is drawn: where the hint is and where it points, or `shown`; nil if nothing is.
---@type string?
local drawn

local function hide()
  if offer and drawn then
    drawing.clear(offer.bufnr)
  end
  drawn = nil
end

--- Drop the offer and the request; nothing is reported.
function M.drop()
  requests.cancel()
  hide()
  if offer then
    offer:close()
  end
  offer = nil
end

---@return infill.EditOffer? # The offer for the current text, if the user may see it now.
local function visible()
  local bufnr = vim.api.nvim_get_current_buf()
  if offer and offer.bufnr == bufnr and offer:is_current() and config.is_enabled(bufnr) and room.is_free() then
    return offer
  end
end

--- Draw what is offered, if there is room for it.
---
---@param again? boolean Draw again what is drawn.
function M.refresh(again)
  local now = visible()
  if not now then
    return hide()
  end
  local hidden_row = drawing.hidden_row(now:place(now.list[1]))
  local row = vim.api.nvim_win_get_cursor(0)[1]
  local state = hidden_row and ('%d %d'):format(row, hidden_row) or 'shown'
  if again or state ~= drawn then
    drawing.draw(now, hidden_row)
    drawn = state
    now:report_shown()
  end
end

local function ask()
  local bufnr = vim.api.nvim_get_current_buf()
  local client = client_of(bufnr)
  if not (client and room.is_editing() and config.options.edits and config.is_enabled(bufnr)) then
    return
  end
  if vim.fn.reg_executing() ~= '' then
    return
  end
  requests.send(client, function(result)
    M.drop()
    local found = Offer.new(bufnr, client, result)
    if #found.list > 0 then
      offer = found
      M.refresh(true)
    else
      found:close()
    end
  end)
end

local function changed()
  local bufnr = vim.api.nvim_get_current_buf()
  if not taken or taken.bufnr ~= bufnr or taken.tick ~= vim.api.nvim_buf_get_changedtick(bufnr) then
    M.drop()
    requests.after_pause(ask)
  end
end

---@param place infill.EditPlace
local function go_to(place)
  vim.cmd("normal! m'") -- so that CTRL-O leads back
  vim.api.nvim_win_set_cursor(0, { place.row + 1, place.col })
  vim.cmd('normal! zv')
end

---@param place infill.EditPlace
---@return boolean
local function is_at(place)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  return row >= place.row and row <= place.end_row
end

--- The change runs as the next "key": mappings with `expr` may neither change text nor move the cursor.
local CALL = "<Cmd>lua require('infill.edits').apply()<CR>"
local NORMAL = vim.api.nvim_replace_termcodes(CALL, true, true, true)
local INSERT = vim.api.nvim_replace_termcodes(('<C-g>u%s<C-g>u'):format(CALL), true, true, true)

--- Go to the next edit; if the cursor is there, make it and go on to the next one of the same answer.
---
---@return boolean # False if none is visible, or if a tab would indent; then nothing happens.
function M.next()
  local now = visible()
  if not (now and drawn) or (room.is_indenting() and not is_at(now:place(now.list[1]))) then
    return false
  end
  vim.api.nvim_feedkeys(vim.api.nvim_get_mode().mode == 'n' and NORMAL or INSERT, 'in', false)
  return true
end

--- Do what `next` announced.
function M.apply()
  local now = visible()
  if not now then
    return
  end
  local place = now:place(now.list[1])
  if not is_at(place) then
    go_to(place)
    return M.refresh(true)
  end
  now:accept()
  taken = { bufnr = now.bufnr, tick = now.tick }
  if now.list[1] then
    go_to(now:place(now.list[1]))
    M.refresh(true)
  else
    M.drop()
    ask()
  end
end

--- Hide the edits and do not propose them again.
---
---@return boolean # False if none is visible.
function M.dismiss()
  local now = visible()
  if not (now and drawn) then
    return false
  end
  now:reject()
  M.drop()
  return true
end

---@param client vim.lsp.Client
---@param bufnr integer
local function focus(client, bufnr)
  -- The server notes what is changed from the first sign on that a client will ask for next edits.
  client:notify('textDocument/didFocus', { textDocument = { uri = vim.uri_from_bufnr(bufnr) } })
  requests.after_pause(ask)
end

--- Propose edits in a buffer from now on.
---
---@param client vim.lsp.Client
---@param bufnr integer
function M.watch(client, bufnr)
  if not config.options.edits then
    return
  end
  local group = vim.api.nvim_create_augroup(('infill.edits.%d'):format(bufnr), {})
  ---@param events string[]
  ---@param callback fun()
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on({ 'TextChanged', 'TextChangedI', 'TextChangedP' }, changed)
  on({ 'InsertLeave' }, function()
    if not offer then
      requests.after_pause(ask)
    end
  end)
  on({ 'BufEnter' }, function()
    focus(client, bufnr)
  end)
  on({ 'WinEnter' }, function() -- of another window on the same buffer
    requests.after_pause(ask)
  end)
  on({ 'BufLeave', 'WinLeave' }, M.drop)
  if vim.api.nvim_get_current_buf() == bufnr then
    focus(client, bufnr)
  end
end

--- Propose no more edits in a buffer.
---
---@param bufnr integer
function M.forget(bufnr)
  pcall(vim.api.nvim_del_augroup_by_name, ('infill.edits.%d'):format(bufnr))
  if offer and offer.bufnr == bufnr then
    M.drop()
  end
end

--- Call `refresh` when this event is over: what is visible can only be read then.
M.refresh_soon = vim.schedule_wrap(function()
  if offer then
    M.refresh()
  end
end)

local group = vim.api.nvim_create_augroup('infill.edits', {})
vim.api.nvim_create_autocmd({
  'CursorMoved',
  'CursorMovedI',
  'ModeChanged',
  'RecordingEnter',
  'RecordingLeave',
  'WinScrolled',
  'WinResized',
}, {
  group = group,
  callback = M.refresh_soon,
})
return M
