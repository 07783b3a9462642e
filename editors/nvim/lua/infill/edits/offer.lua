--- The next edits of one answer: where they are now, and their reports to the server.

local text = require('infill.text')

local namespace = vim.api.nvim_create_namespace('infill.edits.places')

---@class infill.Edit
---@field mark integer Extmark that follows the place through other edits.
---@field lines string[] What takes its place.
---@field command lsp.Command
---@field is_reported? boolean Whether the server knows that it was shown.

---@class infill.EditPlace
---@field row integer
---@field col integer
---@field end_row integer
---@field end_col integer

---@class infill.EditOffer
---@field bufnr integer
---@field tick integer The buffer's `changedtick` that the edits are for.
---@field client_id integer
---@field list infill.Edit[] The next one first; those that were taken are no longer in it.
local Offer = {}
Offer.__index = Offer

---@param bufnr integer
---@param position lsp.Position
---@param encoding string
---@return integer row
---@return integer col
local function bytes(bufnr, position, encoding)
  local line = vim.api.nvim_buf_get_lines(bufnr, position.line, position.line + 1, false)[1] or ''
  return position.line, vim.str_byteindex(line, encoding, position.character, false)
end

--- Return a replacement that also works after the last line, where the server sees an empty one and Neovim none.
---
---@param bufnr integer
---@param place infill.EditPlace
---@param lines string[]
local function within_buffer(bufnr, place, lines)
  local last = vim.api.nvim_buf_line_count(bufnr) - 1
  if place.end_row <= last then
    return place, lines
  end
  local width = #vim.api.nvim_buf_get_lines(bufnr, last, last + 1, false)[1]
  local row, col = place.row, place.col
  if row > last then
    row, col = last, width
    lines = vim.list_extend({ '' }, lines)
  elseif col == 0 and row > 0 and #lines == 1 and lines[1] == '' then
    row, col = row - 1, #vim.api.nvim_buf_get_lines(bufnr, row - 1, row, false)[1]
  end
  if #lines > 1 and lines[#lines] == '' then
    lines = vim.list_slice(lines, 1, #lines - 1)
  end
  return { row = row, col = col, end_row = last, end_col = width }, lines
end

--- Parse an answer; edits for another version of the text are left out.
---
---@param bufnr integer
---@param client vim.lsp.Client
---@param result table
---@return infill.EditOffer
function Offer.new(bufnr, client, result)
  local self = setmetatable({
    bufnr = bufnr,
    tick = vim.api.nvim_buf_get_changedtick(bufnr),
    client_id = client.id,
    list = {},
  }, Offer)
  local version = vim.lsp.util.buf_versions[bufnr]
  for _, edit in ipairs(type(result.edits) == 'table' and result.edits or {}) do
    if edit.textDocument.version == version and edit.textDocument.uri == vim.uri_from_bufnr(bufnr) then
      local row, col = bytes(bufnr, edit.range.start, client.offset_encoding)
      local end_row, end_col = bytes(bufnr, edit.range['end'], client.offset_encoding)
      local new = vim.split(text.normalized(edit.text, vim.bo[bufnr].fileformat), '\n', { plain = true })
      local place, lines = within_buffer(bufnr, { row = row, col = col, end_row = end_row, end_col = end_col }, new)
      local mark = vim.api.nvim_buf_set_extmark(bufnr, namespace, place.row, place.col, {
        end_row = place.end_row,
        end_col = place.end_col,
      })
      table.insert(self.list, { mark = mark, lines = lines, command = edit.command })
    end
  end
  return self
end

--- Return whether the edits still fit: nothing but themselves has changed the buffer.
---
---@return boolean
function Offer:is_current()
  return vim.api.nvim_buf_is_valid(self.bufnr) and vim.api.nvim_buf_get_changedtick(self.bufnr) == self.tick
end

---@param edit infill.Edit
---@return infill.EditPlace
function Offer:place(edit)
  local found = vim.api.nvim_buf_get_extmark_by_id(self.bufnr, namespace, edit.mark, { details = true })
  return { row = found[1], col = found[2], end_row = found[3].end_row, end_col = found[3].end_col }
end

---@param name string
---@param arguments table
function Offer:_execute(name, arguments)
  local client = vim.lsp.get_client_by_id(self.client_id)
  if client then
    require('infill.client').execute(client, { title = name, command = name, arguments = arguments })
  end
end

--- Make the first edit, and take it off the list.
function Offer:accept()
  local edit = table.remove(self.list, 1)
  local place = self:place(edit)
  vim.api.nvim_buf_set_text(self.bufnr, place.row, place.col, place.end_row, place.end_col, edit.lines)
  self.tick = vim.api.nvim_buf_get_changedtick(self.bufnr)
  self:_execute(edit.command.command, edit.command.arguments)
end

--- Tell the server that none of the edits is to come back.
function Offer:reject()
  for _, edit in ipairs(self.list) do
    self:_execute('infill.editRejected', edit.command.arguments)
  end
end

--- Tell the server that the edits are on the screen, once.
function Offer:report_shown()
  local client = vim.lsp.get_client_by_id(self.client_id)
  for _, edit in ipairs(self.list) do
    if client and not edit.is_reported then
      client:notify('textDocument/didShowInlineEdit', { item = { command = edit.command } })
    end
    edit.is_reported = true
  end
end

--- Forget the places.
function Offer:close()
  if vim.api.nvim_buf_is_valid(self.bufnr) then
    vim.api.nvim_buf_clear_namespace(self.bufnr, namespace, 0, -1)
  end
end

return Offer
