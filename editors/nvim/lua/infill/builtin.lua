--- Neovim's own inline completion (0.12 and newer), if the user or the option `renderer` prefers it.

local config = require('infill.config')

local M = {}

--- Buffers in which Neovim drew until suggestions were switched off.
---@type table<integer, true>
local stopped = {}

--- Cursor position at the request of the last answer, by buffer.
---@type table<integer, infill.Place>
local answered = {}
--- The same for requests in flight, by client and request.
---@type table<string, infill.Place>
local asked_for = {}

--- Return the byte columns of an item's range, whose type differs between releases.
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
  local found, builtin = pcall(function()
    return vim.lsp.inline_completion
  end)
  return found and type(builtin) == 'table' and builtin or nil
end

--- Return whether this Neovim has inline completion.
---
---@return boolean
function M.exists()
  return module() ~= nil
end

--- Return whether Neovim draws in a buffer, so that the plugin must not.
---
---@param bufnr integer
---@return boolean
function M.is_drawing(bufnr)
  local builtin = module()
  return builtin ~= nil and config.options.renderer ~= 'own' and builtin.is_enabled({ bufnr = bufnr })
end

--- Enable Neovim's renderer in a buffer if the options ask for it, and disable it if suggestions are off.
---
---@param bufnr integer
function M.follow(bufnr)
  local builtin = module()
  if not builtin or config.options.renderer == 'own' then
    return
  end
  local is_wanted = config.is_enabled(bufnr)
  local is_on = builtin.is_enabled({ bufnr = bufnr })
  if is_on and not is_wanted then
    stopped[bufnr] = true
    builtin.enable(false, { bufnr = bufnr })
  elseif is_wanted and not is_on and (stopped[bufnr] or config.options.renderer == 'native') then
    stopped[bufnr] = nil
    builtin.enable(true, { bufnr = bufnr })
  end
end

--- Record the start or end of a request that Neovim sent.
---
---@param data { client_id: integer, request_id: integer, request: { type: string, bufnr: integer, method: string } }
function M.record(data)
  local request = data.request
  if request.method ~= 'textDocument/inlineCompletion' then
    return
  end
  local key = ('%d:%d'):format(data.client_id, data.request_id)
  local asked = asked_for[key]
  if request.type ~= 'pending' then
    asked_for[key] = nil
  end
  if not vim.api.nvim_buf_is_valid(request.bufnr) then -- wiped out while the request was in flight
    answered[request.bufnr] = nil
  elseif request.type == 'complete' then
    answered[request.bufnr] = asked
    require('infill.edits').refresh_soon() -- Neovim may draw now.
  elseif request.type == 'pending' and M.is_drawing(request.bufnr) then
    asked_for[key] = require('infill.text').here()
  end
end

--- Call `follow` for every buffer with a client.
function M.follow_all()
  for _, client in ipairs(module() and vim.lsp.get_clients({ name = 'infill_ls' }) or {}) do
    for bufnr in pairs(client.attached_buffers) do
      M.follow(bufnr)
    end
  end
end

--- Return whether Neovim shows a suggestion in a buffer.
---
---@param bufnr integer
---@return boolean
function M.is_visible(bufnr)
  local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  return namespace ~= nil and #vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { limit = 1 }) > 0
end

--- Hide Neovim's suggestion.
---
---@param bufnr integer
---@return boolean # Whether there was one.
function M.dismiss(bufnr)
  local builtin = module()
  local was_visible = builtin ~= nil and M.is_visible(bufnr)
  if builtin and was_visible then
    -- Neovim has no function for this; disabling and enabling it discards the suggestion.
    builtin.enable(false, { bufnr = bufnr })
    builtin.enable(true, { bufnr = bufnr })
  end
  return was_visible
end

--- Accept Neovim's suggestion, or the part of it that `cut` returns.
---
---@param cut? fun(rest: string): string
---@return boolean
function M.accept(cut)
  local builtin = module()
  return builtin ~= nil
    and builtin.get({
        on_accept = function(item)
          return M.insert(item, cut)
        end,
      })
      == true
end

--- Insert one of Neovim's items, or a part of it, at the cursor.
---
--- Neovim replaces the range of the request.  Text typed since then would remain after the suggestion, and Neovim cannot
--- accept parts; so the text before the cursor is compared with the item, and only the rest is inserted.
---
---@param item table
---@param cut? fun(rest: string): string
---@return table? # The item if Neovim should insert it itself.
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
  local builtin = module()
  if builtin then
    builtin.select({ count = step })
  end
  return builtin ~= nil
end

return M
