--- Draws next edits: the old text struck through, the new text after it, and a hint at an edit that is out of sight.

local text = require('infill.text')

local M = {}

local namespace = vim.api.nvim_create_namespace('infill.edits')

local function define_highlights()
  local dimmed = vim.api.nvim_get_hl(0, { name = 'Comment', link = false })
  vim.api.nvim_set_hl(0, 'InfillEditOld', { default = true, strikethrough = true, fg = dimmed.fg })
  vim.api.nvim_set_hl(0, 'InfillEditNew', { default = true, link = 'DiffAdd' })
  vim.api.nvim_set_hl(0, 'InfillEditSign', { default = true, link = 'Special' })
  vim.api.nvim_set_hl(0, 'InfillEditHint', { default = true, link = 'Special' })
end

define_highlights()
vim.api.nvim_create_autocmd('ColorScheme', {
  group = vim.api.nvim_create_augroup('infill.edits.highlights', {}),
  callback = define_highlights,
})

---@param bufnr integer
---@param row integer
---@param col integer
---@param options vim.api.keyset.set_extmark
local function mark(bufnr, row, col, options)
  options.undo_restore = false
  options.strict = false
  vim.api.nvim_buf_set_extmark(bufnr, namespace, row, col, options)
end

--- Return whether a sign moves no text: the column of signs is there, or the user is not typing.
local function may_have_sign()
  return vim.wo.signcolumn:find('^yes') ~= nil
    or vim.wo.signcolumn == 'number'
    or vim.api.nvim_get_mode().mode:sub(1, 1) ~= 'i'
end

---@param lines string[]
---@return table[] # Virtual lines.
local function below(lines)
  return vim.tbl_map(function(line)
    return { { line ~= '' and text.expanded(line, 0) or ' ', 'InfillEditNew' } }
  end, lines)
end

---@param bufnr integer
---@param place infill.EditPlace
---@param lines string[]
local function draw(bufnr, place, lines)
  if may_have_sign() then
    mark(bufnr, place.row, 0, { sign_text = '»', sign_hl_group = 'InfillEditSign' })
  end
  if place.row ~= place.end_row or place.col ~= place.end_col then
    mark(bufnr, place.row, place.col, {
      end_row = place.end_row,
      end_col = place.end_col,
      hl_group = 'InfillEditOld',
      priority = 300, -- above the colours of syntax and language servers
    })
  end
  if #lines == 1 then
    if lines[1] ~= '' then
      local line = vim.api.nvim_buf_get_lines(bufnr, place.end_row, place.end_row + 1, false)[1]
      local column = vim.fn.strdisplaywidth(line:sub(1, place.end_col))
      local chunk = { text.expanded(lines[1], column), 'InfillEditNew' }
      mark(bufnr, place.end_row, place.end_col, { virt_text = { chunk }, virt_text_pos = 'inline' })
    end
  elseif place.col == 0 and place.end_col == 0 and lines[#lines] == '' and place.end_row == 0 then
    -- A window that shows the first line has no room above it.
    local chunk = { table.concat(vim.list_slice(lines, 1, #lines - 1), ' ↵ ') .. ' ↵ ', 'InfillEditNew' }
    mark(bufnr, 0, 0, { virt_text = { chunk }, virt_text_pos = 'inline' })
  elseif place.col == 0 and place.end_col == 0 and lines[#lines] == '' then
    -- Whole lines, as an import is: they end where the next one begins.
    mark(bufnr, place.end_row, 0, { virt_lines = below(vim.list_slice(lines, 1, #lines - 1)), virt_lines_above = true })
  else
    -- The lines as they will be, with what stays of the first and the last one.
    local whole = vim.list_slice(lines)
    local first = vim.api.nvim_buf_get_lines(bufnr, place.row, place.row + 1, false)[1]
    local last = vim.api.nvim_buf_get_lines(bufnr, place.end_row, place.end_row + 1, false)[1]
    whole[1] = first:sub(1, place.col) .. whole[1]
    whole[#whole] = whole[#whole] .. last:sub(place.end_col + 1)
    if whole[1] == first and place.row == place.end_row then
      table.remove(whole, 1)
    end
    mark(bufnr, place.end_row, 0, { virt_lines = below(whole) })
  end
end

--- Return the row of an edit if the current window does not show it.
---
---@param place infill.EditPlace
---@return integer?
function M.hidden_row(place)
  local row = place.row + 1
  if row < vim.fn.line('w0') or row > vim.fn.line('w$') or vim.fn.foldclosed(row) ~= -1 then
    return place.row
  end
end

--- Draw all edits of an offer.
---
---@param offer infill.EditOffer
---@param hidden_row? integer Where the next edit is, if the window does not show it.
function M.draw(offer, hidden_row)
  M.clear(offer.bufnr)
  for _, edit in ipairs(offer.list) do
    draw(offer.bufnr, offer:place(edit), edit.lines)
  end
  if hidden_row then
    local row = vim.api.nvim_win_get_cursor(0)[1] - 1
    local arrow = hidden_row < row and '↑' or '↓'
    local hint = (' %s next edit: line %d'):format(arrow, hidden_row + 1)
    mark(offer.bufnr, row, 0, { virt_text = { { hint, 'InfillEditHint' } }, virt_text_pos = 'eol' })
  end
end

--- Remove what is drawn in a buffer.
---
---@param bufnr integer
function M.clear(bufnr)
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

return M
