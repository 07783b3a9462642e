--- The server's status, and a short text about it for the status line.

local config = require('infill.config')

local M = {}

---@class infill.Status
---@field kind 'Starting'|'Normal'|'Warning'|'Error'|'Inactive'|'Ended' The server sends all but the first and the last.
---@field busy boolean
---@field reason string A sentence about a problem, or empty.
---@field percentage? integer Progress of the model's load.
---@field message? string The final message of the last load, such as the name of the model.

---@type infill.Status?
local current

local SIGNS = { Starting = '…', Normal = '✓', Warning = '…', Error = '✗', Inactive = '–', Ended = '✗' }

local function announce()
  vim.schedule(function()
    vim.cmd.redrawstatus()
    vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', data = current })
  end)
end

--- Handle the attachment of a client.
function M.began()
  if not current or current.kind == 'Ended' then
    current = { kind = 'Starting', busy = false, reason = '' }
    announce()
  end
end

--- Handle `infill/status`.
---
---@param result table
function M.received(result)
  if type(result) ~= 'table' or not SIGNS[result.kind] then
    return
  end
  local before = current or {}
  current = {
    kind = result.kind,
    busy = result.busy == true,
    reason = type(result.reason) == 'string' and result.reason or '',
    percentage = result.kind == 'Warning' and before.percentage or nil,
    message = before.message,
  }
  announce()
  if current.kind == 'Normal' and (before.kind == 'Starting' or before.kind == 'Warning') then
    -- Requests made while the model was loading got an empty answer.
    require('infill.session').refresh()
  end
end

--- Handle `$/progress`.
---
---@param value table
function M.progress(value)
  if current and type(value) == 'table' then
    local is_over = value.kind == 'end'
    current.percentage = not is_over and (value.percentage or current.percentage) or nil
    current.message = is_over and value.message or current.message
    announce()
  end
end

--- Record the error of a request for `:Infill status`; a message per keystroke would disturb more than help.
---
---@param message string
function M.request_failed(message)
  if current then
    current.reason = ('The last request failed: %s'):format(message)
  end
  vim.lsp.log.error('infill', message)
end

--- Record the end of the server.
---
---@param reason string
function M.ended(reason)
  current = { kind = 'Ended', busy = false, reason = reason }
  announce()
end

--- Return the status, or nil before the first server started.
---
---@return infill.Status?
function M.get()
  return current
end

--- Return a short text for the status line; empty if no server serves the buffer.
---
---@param bufnr integer
---@return string
function M.line(bufnr)
  if not current then
    return ''
  end
  if current.kind ~= 'Ended' and not vim.lsp.get_clients({ bufnr = bufnr, name = 'infill_ls' })[1] then
    return ''
  end
  if current.percentage then
    return ('infill %d%%'):format(current.percentage)
  end
  if current.kind == 'Normal' and not config.is_enabled(bufnr) then
    return 'infill off'
  end
  return 'infill ' .. (current.busy and '…' or SIGNS[current.kind])
end

return M
