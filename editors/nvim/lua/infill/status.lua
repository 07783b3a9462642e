--- What the server said about itself, and one short text about it for the status line.

local config = require('infill.config')

local M = {}

---@class infill.Status
---@field kind string `starting`, `loading`, `ready`, `failed`, ... as the server names it, or `ended`.
---@field busy boolean
---@field reason string One sentence, or empty.
---@field model string
---@field percentage? integer Of a load under way.

---@type infill.Status?
local current

local SIGNS = { ready = '✓', ended = '✗', failed = '✗', error = '✗', paused = '‖', off = '‖' }

---@param client_id integer
local function announce(client_id)
  vim.schedule(function()
    vim.cmd.redrawstatus()
    vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', data = { client_id = client_id } })
  end)
end

--- A client has attached.
---
---@param client_id integer
function M.began(client_id)
  if not current or current.kind == 'ended' then
    current = { kind = 'ready', busy = false, reason = '', model = '' }
    announce(client_id)
  end
end

--- The server has sent `infill/status`.
---
---@param client_id integer
---@param result table
function M.received(client_id, result)
  if type(result) ~= 'table' then
    return
  end
  local before = current and current.kind
  local function text(value, otherwise)
    return type(value) == 'string' and value or otherwise
  end
  current = {
    kind = text(result.kind, before or 'ready'),
    busy = result.busy == true,
    reason = text(result.reason, text(result.message, '')),
    model = text(result.model, current and current.model or ''),
    percentage = result.kind == 'loading' and current and current.percentage or nil,
  }
  announce(client_id)
  if current.kind == 'ready' and before ~= 'ready' then
    -- Requests made while the model was loading got an empty answer.
    require('infill.session').refresh()
  end
end

--- The server has sent `$/progress`.
---
---@param client_id integer
---@param value table
function M.progress(client_id, value)
  if current and type(value) == 'table' then
    current.percentage = value.kind ~= 'end' and value.percentage or nil
    announce(client_id)
  end
end

--- A request was answered with an error; it is kept for `:Infill status` instead of a message per keystroke.
---
---@param message string
function M.request_failed(message)
  if current then
    current.reason = ('the last request failed: %s'):format(message)
  end
  vim.lsp.log.error('infill', message)
end

--- The server is gone.
---
---@param client_id integer
---@param reason string
function M.ended(client_id, reason)
  current = { kind = 'ended', busy = false, reason = reason, model = '' }
  announce(client_id)
end

--- Give what is known, or nil before the first server started.
---
---@return infill.Status?
function M.get()
  return current
end

--- Give a short text for the status line; empty where no server serves the buffer.
---
---@param bufnr integer
---@return string
function M.line(bufnr)
  if not current then
    return ''
  end
  if current.kind == 'ended' then
    return 'infill ✗'
  end
  if not vim.lsp.get_clients({ bufnr = bufnr, name = 'infill_ls' })[1] then
    return ''
  end
  if not config.is_enabled(bufnr) then
    return 'infill off'
  end
  if current.percentage then
    return ('infill %d%%'):format(current.percentage)
  end
  if current.kind == 'loading' or current.kind == 'starting' or current.busy then
    return 'infill …'
  end
  local sign = SIGNS[current.kind] or current.kind
  return current.model ~= '' and ('infill %s %s'):format(sign, current.model) or 'infill ' .. sign
end

return M
