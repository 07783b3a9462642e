--- The one request for suggestions in flight.

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2

---@class infill.Request
---@field client vim.lsp.Client
---@field id integer

---@type infill.Request?
local current

---@param request? infill.Request
local function cancel(request)
  if request and not request.client:is_stopped() then
    request.client:cancel_request(request.id)
  end
end

--- Cancel the request, if there is one.
function M.cancel()
  local old = current
  current = nil
  cancel(old)
end

---@return boolean
function M.is_in_flight()
  return current ~= nil
end

--- Request suggestions at the cursor; the previous request is cancelled.
---
---@param client vim.lsp.Client
---@param place infill.Place Cursor position.
---@param asked boolean Whether the user invoked the request, rather than typed.
---@param received fun(result: table) Called with the answer; not after an error or a cancellation.
function M.send(client, place, asked, received)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  ---@cast params table
  params.context = { triggerKind = asked and INVOKED or AUTOMATIC }
  local older = current
  local mine = { client = client, id = 0 }
  local is_sent, id = client:request(METHOD, params, function(err, result)
    if current == mine then
      current = nil
    end
    if err then
      require('infill.status').request_failed(err.message)
    elseif type(result) == 'table' then
      received(result)
    end
  end, place.bufnr)
  if is_sent and id then
    mine.id = id
    current = mine
  end
  -- Cancelled after the new request was sent, so that the server can reuse the running generation for it.
  cancel(older)
end

return M
