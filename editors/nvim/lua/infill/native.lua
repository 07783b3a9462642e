--- Neovim's own inline completion (0.12 and newer), where the user or the option `renderer` prefers it.

local config = require('infill.config')

local M = {}

--- Buffers where Neovim drew until suggestions were switched off.
---@type table<integer, true>
local stopped = {}

--- Where the cursor was when the last answer was asked for.
---@type table<integer, infill.Place>
local answered = {}
---@type table<string, infill.Place>
local asked_for = {}

--- Give the byte columns of an item's range; its type differs between releases.
---
---@param range table?
---@return integer?, integer?
local function columns(range)
  if not range then
    return nil, nil
  end
  return range.start_col or (range.start and range.start.col), range.end_col or (range.end_ and range.end_.col)
end

---@return table?
local function module()
  local found, native = pcall(function()
    return vim.lsp.inline_completion
  end)
  return found and type(native) == 'table' and native or nil
end

--- Tell whether this Neovim can draw inline completions itself.
---
---@return boolean
function M.exists()
  return module() ~= nil
end

--- Tell whether Neovim draws in this buffer, so that we must not.
---
---@param bufnr integer
---@return boolean
function M.is_drawing(bufnr)
  local native = module()
  return native ~= nil and config.options.renderer ~= 'own' and native.is_enabled({ bufnr = bufnr })
end

--- Let Neovim draw in a buffer where the options or the user say so, and stop it where suggestions are off.
---
---@param bufnr integer
function M.follow(bufnr)
  local native = module()
  if not native or config.options.renderer == 'own' then
    return
  end
  local is_wanted = config.is_enabled(bufnr)
  local is_on = native.is_enabled({ bufnr = bufnr })
  if is_on and not is_wanted then
    stopped[bufnr] = true
    native.enable(false, { bufnr = bufnr })
  elseif is_wanted and not is_on and (stopped[bufnr] or config.options.renderer == 'native') then
    stopped[bufnr] = nil
    native.enable(true, { bufnr = bufnr })
  end
end

--- Take note of a request of Neovim's or its end.
---
---@param data { client_id: integer, request_id: integer, request: { type: string, bufnr: integer, method: string } }
function M.note(data)
  local request = data.request
  if request.method ~= 'textDocument/inlineCompletion' then
    return
  end
  local key = ('%d:%d'):format(data.client_id, data.request_id)
  local asked = asked_for[key]
  if request.type ~= 'pending' then
    asked_for[key] = nil
  end
  if not vim.api.nvim_buf_is_valid(request.bufnr) then -- wiped out while the answer was on its way
    answered[request.bufnr] = nil
  elseif request.type == 'complete' then
    answered[request.bufnr] = asked
  elseif request.type == 'pending' and M.is_drawing(request.bufnr) then
    asked_for[key] = require('infill.text').here()
  end
end

--- Do so in every buffer that is served.
function M.follow_all()
  for _, client in ipairs(module() and vim.lsp.get_clients({ name = 'infill_ls' }) or {}) do
    for bufnr in pairs(client.attached_buffers) do
      M.follow(bufnr)
    end
  end
end

--- Tell whether Neovim shows a suggestion in a buffer.
---
---@param bufnr integer
---@return boolean
function M.is_visible(bufnr)
  local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  return namespace ~= nil and #vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { limit = 1 }) > 0
end

--- Take Neovim's suggestion away.
---
---@param bufnr integer
---@return boolean # Whether there was one.
function M.dismiss(bufnr)
  local native = module()
  local was_visible = native ~= nil and M.is_visible(bufnr)
  if native and was_visible then
    -- It has no function for this, but whoever switches it off and on begins with nothing.
    native.enable(false, { bufnr = bufnr })
    native.enable(true, { bufnr = bufnr })
  end
  return was_visible
end

--- Accept what Neovim shows, or the part of it that `cut` leaves.
---
---@param cut? fun(rest: string): string
---@return boolean
function M.accept(cut)
  local native = module()
  return native ~= nil
    and native.get({
        on_accept = function(item)
          return M.insert(item, cut)
        end,
      })
      == true
end

--- Insert one of Neovim's items, or a part of it, at the cursor.
---
--- Neovim replaces the range that the item came for.  What was typed since then would stay behind it, and it knows no
--- parts; so what stands before the cursor is compared, and the rest goes in.
---
---@param item table
---@param cut? fun(rest: string): string
---@return table? # The item where Neovim should insert it.
function M.insert(item, cut)
  local text = require('infill.text')
  local place = text.here()
  local value = type(item.insert_text) == 'table' and item.insert_text.value or item.insert_text
  value = text.normalized(value, vim.bo[place.bufnr].fileformat)
  local asked = answered[place.bufnr]
  local first, last = columns(item.range)
  if not (asked and asked.row == place.row and first and last) then
    return not cut and item or nil
  end
  if not cut and #place.line == #asked.line then
    item.insert_text = value
    return item
  end
  local before = place.line:sub(first + 1, place.col)
  if not vim.startswith(value, before) then
    return nil
  end
  local rest = value:sub(#before + 1)
  local piece = cut and cut(rest) or rest
  local replaced = piece == rest and math.min(math.max(0, last - asked.col), #place.after) or 0
  local lines = vim.split(piece, '\n', { plain = true })
  vim.api.nvim_buf_set_text(place.bufnr, place.row, place.col, place.row, place.col + replaced, lines)
  local width = #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { place.row + #lines, #lines == 1 and place.col + width or width })
  local client = piece == rest and item.command and vim.lsp.get_client_by_id(item.client_id)
  if client then
    require('infill.client').execute(client, item.command)
  end
end

--- Show another candidate.
---
---@param step integer
---@return boolean
function M.cycle(step)
  local native = module()
  if native then
    native.select({ count = step })
  end
  return native ~= nil
end

return M
