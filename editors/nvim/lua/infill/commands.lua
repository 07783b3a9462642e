--- The `:Infill` command.

local M = {}

local SCOPES = { 'buffer', 'filetype', 'global' }

---@param result any
local function show_explanation(result)
  local lines = type(result) == 'string' and vim.split(result, '\r?\n')
    or vim.split(vim.inspect(result), '\n', { plain = true })
  vim.cmd('botright new')
  local bufnr = vim.api.nvim_get_current_buf()
  vim.bo[bufnr].buftype = 'nofile'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.api.nvim_buf_set_name(bufnr, ('infill://explain/%d'):format(bufnr))
end

local actions = {}

function actions.toggle(scope)
  if scope and not vim.list_contains(SCOPES, scope) then
    vim.notify('infill: toggle takes buffer, filetype or global.', vim.log.levels.ERROR)
    return
  end
  local is_on = require('infill').toggle(scope)
  vim.notify(('infill: suggestions are %s here'):format(is_on and 'on' or 'off'))
end

function actions.status()
  local bufnr = vim.api.nvim_get_current_buf()
  local status = require('infill.status').get()
  local client = require('infill.client').of(bufnr)
  if not client then
    local reason = status and status.reason ~= '' and ': ' .. status.reason or ''
    vim.notify(("infill: no server serves this buffer%s. Is vim.lsp.enable('infill_ls') set?"):format(reason))
    return
  end
  local parts = {
    ('server %d, %s'):format(client.id, client.offset_encoding),
    status and status.kind or 'starting',
  }
  if status and status.model ~= '' then
    parts[#parts + 1] = status.model
  end
  if status and status.reason ~= '' then
    parts[#parts + 1] = status.reason
  end
  parts[#parts + 1] = require('infill.config').is_enabled(bufnr) and 'on in this buffer' or 'off in this buffer'
  vim.notify('infill: ' .. table.concat(parts, ' · '))
end

function actions.explain()
  local client = require('infill.client').of(vim.api.nvim_get_current_buf())
  if not client then
    return actions.status()
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  require('infill.client').execute(client, {
    title = 'Explain',
    command = 'infill.explain',
    arguments = { params.textDocument.uri, params.position },
  }, function(err, result)
    if err then
      vim.notify('infill: ' .. err.message, vim.log.levels.ERROR)
    else
      show_explanation(result)
    end
  end)
end

function actions.restart()
  require('infill.client').restart()
end

function actions.trigger()
  -- The command line leaves insert mode, so the request waits for the way back.
  vim.schedule(function()
    if vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
      require('infill').trigger()
      return
    end
    vim.api.nvim_create_autocmd('InsertEnter', {
      once = true,
      callback = function()
        vim.schedule(require('infill').trigger)
      end,
    })
    vim.api.nvim_feedkeys('a', 'n', false)
  end)
end

--- Run `:Infill ...`; without an argument it tells the status.
---
---@param arguments string[]
function M.run(arguments)
  local action = actions[arguments[1] or 'status']
  if not action then
    vim.notify(
      ('infill: there is no :Infill %s; it is toggle, status, explain, restart or trigger.'):format(arguments[1]),
      vim.log.levels.ERROR
    )
    return
  end
  action(arguments[2])
end

--- Complete the command line of `:Infill`.
---
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = line:match('Infill%s+toggle%s') and SCOPES or vim.tbl_keys(actions)
  table.sort(words)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
end

return M
