--- Text and cursor positions: functions of strings.
---
--- Rows and columns count from 0, columns in bytes, as in Neovim's API.  Text has its lines joined by `\n`.

local M = {}

--- Convert the server's line ends to `\n`.
---
--- Neovim sends a buffer with the line ends of its 'fileformat'.  In a unix buffer a `\r` is text, so it stays.
---
---@param text string
---@param fileformat string
---@return string
function M.normalized(text, fileformat)
  if fileformat == 'unix' then
    return text
  end
  return (text:gsub('\r\n', '\n'):gsub('\r', '\n'))
end

--- Return the number of UTF-16 units of `text`, as the server counts them; it sends line feeds to Neovim.
---
---@param text string
---@return integer
function M.utf16_length(text)
  return vim.str_utfindex(text, 'utf-16')
end

---@class infill.Place
---@field bufnr integer
---@field row integer
---@field col integer
---@field tick integer
---@field line string The whole line of the cursor.
---@field after string The text after the cursor on its line.
---@field line_count integer

--- Return the cursor position of the current window, with its line.
---
---@return infill.Place
function M.here()
  local bufnr = vim.api.nvim_get_current_buf()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local line = vim.api.nvim_get_current_line()
  return {
    bufnr = bufnr,
    row = row - 1,
    col = col,
    tick = vim.api.nvim_buf_get_changedtick(bufnr),
    line = line,
    after = line:sub(col + 1),
    line_count = vim.api.nvim_buf_line_count(bufnr),
  }
end

--- Return the first word of `text` with the white space before it; a run of punctuation is a word too.
---
---@param text string Not empty.
---@return string
function M.first_word(text)
  local word = vim.fn.matchstr(text, [[\v^\_s*%(\k+|%(\k@![^ \t\r\n])+)]])
  return word ~= '' and word or text
end

--- Return `text` up to the end of its first line that is not empty.
---
---@param text string Not empty.
---@return string
function M.first_line(text)
  return text:match('^\n*[^\n]+') or text
end

--- Expand tabs as the window shows them, because virtual text has no tab stops.
---
---@param text string One line.
---@param column integer Display column of its start.
---@return string
function M.expanded(text, column)
  if not text:find('[\t\r]') then
    return text
  end
  local pieces = {}
  for before, control in text:gmatch('([^\t\r]*)([\t\r]?)') do
    pieces[#pieces + 1] = before
    column = column + vim.fn.strdisplaywidth(before, column)
    if control == '\t' then
      local width = vim.fn.strdisplaywidth('\t', column)
      pieces[#pieces + 1] = (' '):rep(width)
      column = column + width
    end
  end
  return table.concat(pieces)
end

--- Split `whole` around the characters of `part`, which must appear in it in this order.
---
---@param whole string
---@param part string
---@return string[]? # `#chars(part) + 1` pieces between them, or nil if `part` is not a subsequence.
function M.pieces_around(whole, part)
  local pieces, from = {}, 1
  -- Prefer a match of all of `part` at the end: `x)` before `)` is easier to read than separate pieces.
  if part == '' then
    return { whole }
  end
  if vim.endswith(whole, part) then
    pieces[1] = whole:sub(1, #whole - #part)
    for i = 2, vim.fn.strchars(part, true) + 1 do
      pieces[i] = ''
    end
    return pieces
  end
  for _, char in ipairs(vim.fn.split(part, [[\zs]])) do
    local start, stop = whole:find(char, from, true)
    if not start then
      return nil
    end
    pieces[#pieces + 1] = whole:sub(from, start - 1)
    from = stop + 1
  end
  pieces[#pieces + 1] = whole:sub(from)
  return pieces
end

return M
