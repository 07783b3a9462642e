--- Formats the server's explanation of a suggestion.

local M = {}

--- The most important keys come first; all others follow in alphabetical order.
local ORDER = {
  'decision',
  'trigger',
  'reason',
  'message',
  'suggestions',
  'candidates',
  'raw',
  'taken',
  'filters',
  'name',
  'text',
  'timings_ms',
  'usage',
  'sources',
  'withheld',
  'request',
  'steps',
}

local RANK = {}
for rank, key in ipairs(ORDER) do
  RANK[key] = rank
end

---@param value any
---@return boolean
local function is_nothing(value)
  return value == nil or value == vim.NIL or value == '' or (type(value) == 'table' and next(value) == nil)
end

---@param value table
---@return string[]
local function sorted_keys(value)
  local keys = vim.tbl_keys(value)
  table.sort(keys, function(a, b)
    local left, right = RANK[a] or math.huge, RANK[b] or math.huge
    if left ~= right then
      return left < right
    end
    return tostring(a) < tostring(b)
  end)
  return keys
end

---@param label string
---@param value any
---@param indent string
---@param lines string[]
local function add(label, value, indent, lines)
  if is_nothing(value) then
    return
  end
  local inner = indent .. '  '
  if type(value) == 'table' then
    lines[#lines + 1] = indent .. label .. ':'
    for _, key in ipairs(sorted_keys(value)) do
      add(type(key) == 'number' and tostring(key) or key, value[key], inner, lines)
    end
  elseif type(value) == 'string' and value:find('\n') then
    lines[#lines + 1] = indent .. label .. ': |'
    for _, line in ipairs(vim.split(value, '\r?\n')) do
      lines[#lines + 1] = inner .. line
    end
  elseif type(value) == 'number' and value ~= math.floor(value) then
    lines[#lines + 1] = ('%s%s: %.3g'):format(indent, label, value)
  else
    lines[#lines + 1] = ('%s%s: %s'):format(indent, label, tostring(value))
  end
end

--- Return an explanation as lines of text.
---
---@param explanation any The result of `infill.explain`.
---@return string[]
function M.lines(explanation)
  if is_nothing(explanation) then
    return { 'There is nothing to explain yet: no suggestion was requested.' }
  end
  if type(explanation) ~= 'table' then
    return vim.split(tostring(explanation), '\r?\n')
  end
  local lines = {}
  for _, key in ipairs(sorted_keys(explanation)) do
    add(tostring(key), explanation[key], '', lines)
  end
  return lines
end

return M
