--- Draws a suggestion as ghost text, with extmarks.

local text = require('infill.text')

local M = {}

local namespace = vim.api.nvim_create_namespace('infill')

local function define_highlights()
  vim.api.nvim_set_hl(0, 'InfillGhost', { default = true, link = 'Comment' })
  vim.api.nvim_set_hl(0, 'InfillCount', { default = true, link = 'NonText' })
  vim.api.nvim_set_hl(0, 'InfillReplaced', { default = true, strikethrough = true })
end

define_highlights()
vim.api.nvim_create_autocmd('ColorScheme', {
  group = vim.api.nvim_create_augroup('infill.highlights', {}),
  callback = define_highlights,
})

--- Remove the ghost text of a buffer.
---
---@param bufnr integer
function M.clear(bufnr)
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

---@param place infill.Place
---@param col integer
---@param options vim.api.keyset.set_extmark
local function mark(place, col, options)
  options.hl_mode = options.hl_mode or 'combine'
  options.undo_restore = false
  options.strict = false
  vim.api.nvim_buf_set_extmark(place.bufnr, namespace, place.row, col, options)
end

---@param place infill.Place
---@param line string
---@param replaced string
---@param count string
local function draw_line(place, line, replaced, count)
  local column = vim.fn.strdisplaywidth(place.line:sub(1, place.col))
  local pieces = text.pieces_around(line, replaced)
  if not pieces then
    mark(place, place.col, { end_col = place.col + #replaced, hl_group = 'InfillReplaced' })
    pieces = { line }
  end
  local col = place.col
  local chars = vim.fn.split(replaced, [[\zs]])
  for i, piece in ipairs(pieces) do
    local chunks = {}
    if piece ~= '' then
      local shown = text.expanded(piece, column)
      chunks[1] = { shown, 'InfillGhost' }
      column = column + vim.fn.strdisplaywidth(shown, column)
    end
    if i == #pieces and count ~= '' then
      chunks[#chunks + 1] = { count, 'InfillCount' }
    end
    if #chunks > 0 then
      mark(place, col, { virt_text = chunks, virt_text_pos = 'inline' })
    end
    if chars[i] then
      column = column + vim.fn.strdisplaywidth(chars[i], column)
      col = col + #chars[i]
    end
  end
end

---@param place infill.Place
---@param lines string[]
---@param replaced string
---@param count string
local function draw_block(place, lines, replaced, count)
  local column = vim.fn.strdisplaywidth(place.line:sub(1, place.col))
  local first = text.expanded(lines[1], column)
  local kept = place.after:sub(#replaced + 1)
  if place.after == '' then
    mark(place, place.col, { virt_text = { { first, 'InfillGhost' } }, virt_text_pos = 'inline' })
  else
    -- The text after the cursor will move to the end of the last line, so it is covered here and drawn there.
    local covered = vim.fn.strdisplaywidth(place.after, column) - vim.fn.strdisplaywidth(first, column)
    mark(place, place.col, {
      virt_text = { { first, 'InfillGhost' }, { (' '):rep(math.max(covered, 0)), 'Normal' } },
      virt_text_pos = 'overlay',
      hl_mode = 'replace',
    })
  end
  local below = {}
  for i = 2, #lines do
    below[#below + 1] = { { text.expanded(lines[i], 0), 'InfillGhost' } }
  end
  if kept ~= '' then
    local last = below[#below]
    last[2] = { text.expanded(kept, vim.fn.strdisplaywidth(last[1][1])), 'Normal' }
  end
  if count ~= '' then
    table.insert(below[#below], { count, 'InfillCount' })
  end
  mark(place, place.col, { virt_lines = below })
end

--- Draw `remainder` at the cursor, in place of the previous ghost text.
---
---@param place infill.Place
---@param remainder string
---@param replaced string Text after the cursor that would be replaced.
---@param count string Such as ` (2/3)`, or empty.
function M.draw(place, remainder, replaced, count)
  M.clear(place.bufnr)
  local lines = vim.split(remainder, '\n', { plain = true })
  if #lines == 1 then
    draw_line(place, remainder, replaced, count)
  else
    draw_block(place, lines, replaced, count)
  end
end

--- Return the drawn text, for users' scripts and tests.
---
---@param bufnr integer
---@return { row: integer, col: integer, text: string, lines: string[] }[]
function M.drawn(bufnr)
  local found = {}
  for _, extmark in ipairs(vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { details = true })) do
    local function joined(chunks)
      local all = vim.tbl_map(function(chunk)
        return chunk[1]
      end, chunks or {})
      return table.concat(all)
    end
    found[#found + 1] = {
      row = extmark[2],
      col = extmark[3],
      text = joined(extmark[4].virt_text),
      lines = vim.tbl_map(joined, extmark[4].virt_lines or {}),
    }
  end
  return found
end

return M
