--- The one request for suggestions that is under way.

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

--- Withdraw the request, if there is one.
function M.withdraw()
  local old = current
  current = nil
  cancel(old)
end

---@return boolean
function M.is_under_way()
  return current ~= nil
end

--- Ask for suggestions at the cursor; the request before is withdrawn.
---
---@param client vim.lsp.Client
---@param place infill.Place Where the cursor is.
---@param asked boolean Whether the user asked, rather than typed.
---@param received fun(result: table) Called with an answer; not with an error, nor once it is withdrawn.
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
  -- Withdrawn only now: the server can hand the work under way to the newer request.
  cancel(older)
end

return M
