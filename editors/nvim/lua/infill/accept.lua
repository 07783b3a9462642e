--- Accepts a suggestion, or its first part, into the buffer.

local client_module = require('infill.client')
local session = require('infill.session')
local text = require('infill.text')

local M = {}

---@class infill.Pending
---@field place infill.Place
---@field candidate infill.Candidate
---@field rest string The visible text.
---@field piece string The accepted part of it.
---@field client_id integer

---@type infill.Pending?
local pending

--- The edit runs as the next "key", between undo breaks: mappings with `expr` may not change text themselves, and keys
--- that were typed ahead must come after the accepted text.
local KEYS =
  vim.api.nvim_replace_termcodes("<C-g>u<Cmd>lua require('infill.accept').apply()<CR><C-g>u", true, true, true)

--- Accept the part of the visible suggestion that `cut` returns.
---
---@param cut fun(rest: string): string
---@return boolean # Whether a suggestion was visible; if not, nothing happens.
function M.take(cut)
  local candidate, rest, all = session.visible()
  if not (candidate and rest and all) then
    return false
  end
  pending = {
    place = text.here(),
    candidate = candidate,
    rest = rest,
    piece = cut(rest),
    client_id = all.client_id,
  }
  vim.api.nvim_feedkeys(KEYS, 'in', false)
  return true
end

---@param now infill.Place
---@param piece string
---@param replaced_bytes integer
local function insert(now, piece, replaced_bytes)
  local lines = vim.split(piece, '\n', { plain = true })
  vim.api.nvim_buf_set_text(now.bufnr, now.row, now.col, now.row, now.col + replaced_bytes, lines)
  local last = #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { now.row + #lines, #lines == 1 and now.col + last or last })
end

---@param taken infill.Pending
---@param is_whole boolean
local function report(taken, is_whole)
  local client = vim.lsp.get_client_by_id(taken.client_id)
  if not client then
    return
  end
  local item = taken.candidate.item
  if not is_whole then
    local accepted = taken.candidate.text:sub(1, #taken.candidate.text - #taken.rest + #taken.piece)
    client:notify('textDocument/didPartiallyAcceptCompletion', {
      item = item,
      acceptedLength = text.utf16_length(accepted),
    })
  elseif type(item.command) == 'table' then
    client_module.execute(client, item.command)
  end
end

--- Apply the edit that `take` prepared.
function M.apply()
  local taken = pending
  pending = nil
  local now = text.here()
  if not taken or now.bufnr ~= taken.place.bufnr or now.row ~= taken.place.row or now.col ~= taken.place.col then
    return
  end
  local is_whole = taken.piece == taken.rest
  if is_whole then
    session.reset()
  end
  insert(now, taken.piece, is_whole and #taken.candidate.replaced or 0)
  report(taken, is_whole)
  session.update()
end

return M
