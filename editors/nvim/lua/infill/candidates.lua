--- The suggestions of one answer, matched against the current text.

local text = require('infill.text')

---@class infill.Candidate
---@field item table The server's unchanged item.
---@field text string The whole replacement.
---@field col integer Byte column of the start of the replaced range.
---@field replaced string The text after the cursor that it replaces.

---@class infill.Candidates
---@field place infill.Place Cursor position at the request.
---@field client_id integer
---@field encoding string
---@field list infill.Candidate[]
---@field index integer
---@field asked boolean Whether the user invoked the request, rather than typed.
local Candidates = {}
Candidates.__index = Candidates

---@param place infill.Place
---@param item table
---@param encoding string
---@return infill.Candidate?
local function candidate(place, item, encoding)
  local inserted = type(item.insertText) == 'table' and item.insertText.value or item.insertText
  if type(inserted) ~= 'string' then
    return nil
  end
  local first, last = place.col, place.col
  if type(item.range) == 'table' then
    if item.range.start.line ~= place.row or item.range['end'].line ~= place.row then
      return nil
    end
    -- Columns refer to the line at the time of the request, not to the current one.
    first = vim.str_byteindex(place.line, encoding, item.range.start.character, false)
    last = vim.str_byteindex(place.line, encoding, item.range['end'].character, false)
  end
  if first > place.col or last < place.col then
    return nil
  end
  return {
    item = item,
    text = text.normalized(inserted, vim.bo[place.bufnr].fileformat),
    col = first,
    replaced = place.line:sub(place.col + 1, last),
  }
end

--- Parse an answer of the server.
---
---@param place infill.Place
---@param client vim.lsp.Client
---@param result table? A list of items, or a table with `items`.
---@param asked boolean
---@return infill.Candidates
function Candidates.new(place, client, result, asked)
  local self = setmetatable({
    place = place,
    client_id = client.id,
    encoding = client.offset_encoding,
    list = {},
    index = 1,
    asked = asked,
  }, Candidates)
  local seen = {}
  for _, item in ipairs(result and (result.items or result) or {}) do
    local one = candidate(place, item, self.encoding)
    if one and not seen[one.text] then
      seen[one.text] = true
      self.list[#self.list + 1] = one
    end
  end
  return self
end

--- Return the rest of a candidate after the text typed since the request, or nil if it no longer fits.
---
---@param one infill.Candidate
---@param now infill.Place
---@return string?
function Candidates:remainder(one, now)
  local then_ = self.place
  if now.bufnr ~= then_.bufnr or now.after ~= then_.after then
    return nil
  end
  local rows = now.row - then_.row
  if rows < 0 or now.line_count - then_.line_count ~= rows or (rows == 0 and now.col < one.col) then
    return nil
  end
  local typed = vim.api.nvim_buf_get_text(now.bufnr, then_.row, one.col, now.row, now.col, {})
  local before = table.concat(typed, '\n')
  if not vim.startswith(one.text, before) then
    return nil
  end
  local rest = one.text:sub(#before + 1)
  if rest == '' or rest == one.replaced then
    return nil
  end
  return rest
end

--- Return the candidate to show: the chosen one if it fits, else the next that does.
---
---@param now infill.Place
---@return infill.Candidate?
---@return string? # The rest of it.
function Candidates:current(now)
  local count = #self.list
  for step = 0, count - 1 do
    local index = (self.index - 1 + step) % count + 1
    local rest = self:remainder(self.list[index], now)
    if rest then
      self.index = index
      return self.list[index], rest
    end
  end
end

--- Select the candidate with the same text as `one`, if there is one.
---
---@param one? infill.Candidate
function Candidates:seek(one)
  for index, other in ipairs(self.list) do
    if one and other.text == one.text then
      self.index = index
    end
  end
end

--- Select the next or previous candidate that fits.
---
---@param now infill.Place
---@param step integer 1 or -1.
function Candidates:cycle(now, step)
  local count = #self.list
  for distance = 1, count do
    local index = (self.index - 1 + step * distance) % count + 1
    if self:remainder(self.list[index], now) then
      self.index = index
      return
    end
  end
end

return Candidates
