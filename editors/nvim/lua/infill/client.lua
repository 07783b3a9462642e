--- The language server's life as this editor sees it: which buffers it serves, and starting it again.

local config = require('infill.config')
local status = require('infill.status')

local M = {}

--- Waits before the restarts of a server that keeps dying, in milliseconds; after the last it stays down.
local RESTART_DELAYS_MS = { 100, 1000, 5000 }

--- A server that lived this long was healthy, so its next end counts as the first.
local HEALTHY_MS = 60000

local SIGTERM = 15

---@class infill.Life
---@field config vim.lsp.ClientConfig
---@field buffers table<integer, true>
---@field began_ms integer
---@field is_replaced? boolean A restart by hand is under way.

---@type table<integer, infill.Life>
local lives = {}
local deaths = 0

--- Give the client that serves a buffer.
---
---@param bufnr integer
---@return vim.lsp.Client?
function M.of(bufnr)
  return vim.lsp.get_clients({ bufnr = bufnr, name = 'infill_ls' })[1]
end

--- Take note that a client serves a buffer from now on.
---
---@param client vim.lsp.Client
---@param bufnr integer
function M.attached(client, bufnr)
  lives[client.id] = lives[client.id] or { config = client.config, buffers = {}, began_ms = vim.uv.now() }
  lives[client.id].buffers[bufnr] = true
  status.began()
  require('infill.native').follow(bufnr)
  require('infill.session').watch(bufnr)
end

--- Take note that a client serves a buffer no more.
---
---@param _ vim.lsp.Client
---@param bufnr integer
function M.detached(_, bufnr)
  require('infill.session').forget(bufnr)
end

---@param life infill.Life
local function start(life)
  for bufnr in pairs(life.buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.start(life.config, { bufnr = bufnr })
    end
  end
end

--- Start a server again that died by itself; leave one alone that was asked to end.
---
---@param client_id integer
---@param code integer
---@param signal integer
function M.ended(client_id, code, signal)
  local life = lives[client_id]
  lives[client_id] = nil
  if not life or vim.v.exiting ~= vim.NIL then
    return
  end
  if life.is_replaced then
    start(life)
    return
  end
  if (code == 0 and signal == 0) or signal == SIGTERM or not config.options.restart then
    status.ended('The language server has ended.')
    return
  end
  deaths = vim.uv.now() - life.began_ms > HEALTHY_MS and 1 or deaths + 1
  local delay_ms = RESTART_DELAYS_MS[deaths]
  if not delay_ms then
    local message = ('The language server died %d times in a row; see :checkhealth infill, then try :Infill restart.'):format(
      deaths
    )
    status.ended(message)
    vim.notify('infill: ' .. message, vim.log.levels.ERROR)
    return
  end
  status.ended('The language server died and is started again.')
  vim.defer_fn(function()
    start(life)
  end, delay_ms)
end

--- End every server of this editor and start it again.
---
---@return boolean # Whether there was one.
function M.restart()
  deaths = 0
  local clients = vim.lsp.get_clients({ name = 'infill_ls' })
  for _, client in ipairs(clients) do
    if lives[client.id] then
      lives[client.id].is_replaced = true
    end
    client:stop()
  end
  if #clients == 0 and vim.lsp.config.infill_ls then
    vim.lsp.enable('infill_ls', false)
    vim.lsp.enable('infill_ls')
  end
  return #clients > 0
end

--- Run a server's command without complaint where the server does not offer it.
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
