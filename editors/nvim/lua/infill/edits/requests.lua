--- The one request for next edits in flight, and the pause before it.

local M = {}

local METHOD = 'textDocument/copilotInlineEdit'
local METHOD_NOT_FOUND = -32601

--- Pauses after a change, in milliseconds. While the user types, the request for a suggestion goes first.
local INSERT_MS, NORMAL_MS = 300, 100

---@class infill.EditRequest
---@field client vim.lsp.Client
---@field id integer

---@type infill.EditRequest?
local current
---@type table<integer, true>
local unable = {} -- clients whose server is too old
local timer = assert(vim.uv.new_timer())

--- Withdraw the request, and the one that would follow.
function M.cancel()
  timer:stop()
  local old = current
  current = nil
  if old and not old.client:is_stopped() then
    old.client:cancel_request(old.id)
  end
end

--- Request the next edits at the cursor.
---
---@param client vim.lsp.Client
---@param received fun(result: table) Called with the answer if the buffer has not changed.
function M.send(client, received)
  M.cancel()
  local bufnr = vim.api.nvim_get_current_buf()
  if unable[client.id] then
    return
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  ---@cast params table
  params.textDocument.version = vim.lsp.util.buf_versions[bufnr]
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local mine = { client = client, id = 0 }
  local is_sent, id = client:request(METHOD, params, function(err, result)
    if current ~= mine then
      return
    end
    current = nil
    if err and err.code == METHOD_NOT_FOUND then
      unable[client.id] = true
    elseif type(result) == 'table' and vim.api.nvim_buf_is_valid(bufnr) then
      if vim.api.nvim_get_current_buf() == bufnr and vim.api.nvim_buf_get_changedtick(bufnr) == tick then
        received(result)
      end
    end
  end, bufnr)
  if is_sent and id then
    mine.id = id
    current = mine
  end
end

--- Call `ask` once the user has paused; a later call starts the pause again.
---
---@param ask fun()
function M.after_pause(ask)
  M.cancel()
  local is_inserting = vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
  timer:start(is_inserting and INSERT_MS or NORMAL_MS, 0, vim.schedule_wrap(ask))
end

return M
