--- The running language servers: their buffers, and restarts after a crash.

local config = require('infill.config')
local status = require('infill.status')

local M = {}

--- Delays before the restarts of a server that keeps crashing, in milliseconds; after the last it is not restarted.
local RESTART_DELAYS_MS = { 100, 1000, 5000 }

--- A server that ran this long was healthy, so its next crash counts as the first.
local HEALTHY_MS = 60000

local SIGTERM = 15

---@class infill.RunningServer
---@field config vim.lsp.ClientConfig
---@field buffers table<integer, true>
---@field began_ms integer
---@field is_replaced? boolean Whether the user asked for a restart.

---@type table<integer, infill.RunningServer>
local running = {}
local crashes = 0

--- Return the client that serves a buffer.
---
---@param bufnr integer
---@return vim.lsp.Client?
function M.of(bufnr)
  return vim.lsp.get_clients({ bufnr = bufnr, name = 'infill_ls' })[1]
end

--- Handle the attachment of a client to a buffer.
---
---@param client vim.lsp.Client
---@param bufnr integer
function M.attached(client, bufnr)
  running[client.id] = running[client.id] or { config = client.config, buffers = {}, began_ms = vim.uv.now() }
  running[client.id].buffers[bufnr] = true
  status.began()
  require('infill.builtin').follow(bufnr)
  require('infill.session').watch(bufnr)
  require('infill.edits').watch(client, bufnr)
end

--- Handle the detachment of a client from a buffer.
---
---@param _ vim.lsp.Client
---@param bufnr integer
function M.detached(_, bufnr)
  require('infill.session').forget(bufnr)
  require('infill.edits').forget(bufnr)
end

---@param server infill.RunningServer
local function start(server)
  for bufnr in pairs(server.buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.start(server.config, { bufnr = bufnr })
    end
  end
end

--- Restart a server that crashed, but not one that was asked to exit.
---
---@param client_id integer
---@param code integer
---@param signal integer
function M.ended(client_id, code, signal)
  local server = running[client_id]
  running[client_id] = nil
  if not server or vim.v.exiting ~= vim.NIL then
    return
  end
  if server.is_replaced then
    start(server)
    return
  end
  if (code == 0 and signal == 0) or signal == SIGTERM or not config.options.restart then
    status.ended('The language server has ended.')
    return
  end
  crashes = vim.uv.now() - server.began_ms > HEALTHY_MS and 1 or crashes + 1
  local delay_ms = RESTART_DELAYS_MS[crashes]
  if not delay_ms then
    local message = ('The language server died %d times in a row; see :checkhealth infill, then try :Infill restart.'):format(
      crashes
    )
    status.ended(message)
    vim.notify('infill: ' .. message, vim.log.levels.ERROR)
    return
  end
  status.ended('The language server died and is started again.')
  vim.defer_fn(function()
    start(server)
  end, delay_ms)
end

--- Restart every server of this editor.
---
---@return boolean # Whether there was one.
function M.restart()
  crashes = 0
  local clients = vim.lsp.get_clients({ name = 'infill_ls' })
  for _, client in ipairs(clients) do
    if running[client.id] then
      running[client.id].is_replaced = true
    end
    client:stop()
  end
  if #clients == 0 and vim.lsp.config.infill_ls then
    vim.lsp.enable('infill_ls', false)
    vim.lsp.enable('infill_ls')
  end
  return #clients > 0
end

--- Execute a command on the server; errors are ignored unless `handler` reports them.
---
---@param client vim.lsp.Client
---@param command lsp.Command
---@param handler? fun(err: lsp.ResponseError?, result: any)
function M.execute(client, command, handler)
  client:request('workspace/executeCommand', {
    command = command.command,
    arguments = command.arguments,
  }, handler or function() end)
end

return M
