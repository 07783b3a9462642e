--- Completes accepted entries of Neovim's own popup menu.
---
--- vim.lsp.completion inserts the text of a plain entry up to its first blank only (0.11), because the menu works with
--- words.  The rest is inserted when the entry is accepted.

local client_of = require('infill.client').of
local text = require('infill.text')

local M = {}

--- Cursor position at the request for the entries.
---@type infill.Place?
local asked

---@param completed table |v:completed_item|
---@return table? # The completion item, if it came from infill-ls.
---@return string? # The position encoding of its client.
local function item_of(completed)
  local data = vim.tbl_get(completed, 'user_data', 'nvim', 'lsp')
  local client = client_of(vim.api.nvim_get_current_buf())
  if type(data) == 'table' and client and data.client_id == client.id then
    return data.completion_item, client.offset_encoding
  end
end

local function finish()
  local item, encoding = item_of(vim.v.completed_item)
  local edit = item and item.textEdit
  local now = text.here()
  if vim.v.event.reason ~= 'accept' or not edit or not asked or asked.bufnr ~= now.bufnr or asked.row ~= now.row then
    return
  end
  local new = text.normalized(edit.newText, vim.bo[now.bufnr].fileformat)
  local first = vim.str_byteindex(asked.line, encoding, edit.range.start.character, false)
  local last = vim.str_byteindex(asked.line, encoding, edit.range['end'].character, false)
  local inserted = now.line:sub(first + 1, now.col)
  if inserted == new or not vim.startswith(new, inserted) or now.after ~= asked.after then
    return
  end
  local replaced = math.max(last - asked.col, 0)
  local lines = vim.split(new:sub(#inserted + 1), '\n', { plain = true })
  vim.api.nvim_buf_set_text(now.bufnr, now.row, now.col, now.row, now.col + replaced, lines)
  vim.api.nvim_win_set_cursor(0, { now.row + #lines, (#lines == 1 and now.col or 0) + #lines[#lines] })
end

--- Watch the menu in a buffer.
---
---@param bufnr integer
---@param group integer
function M.watch(bufnr, group)
  vim.api.nvim_create_autocmd('LspRequest', {
    group = group,
    buffer = bufnr,
    callback = function(args)
      local request = args.data.request
      if request.type == 'pending' and request.method == 'textDocument/completion' then
        asked = text.here()
      end
    end,
  })
  vim.api.nvim_create_autocmd('CompleteDone', { group = group, buffer = bufnr, callback = finish })
end

return M
