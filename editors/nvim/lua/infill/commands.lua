--- The `:Infill` command.

local M = {}

local SCOPES = { 'buffer', 'filetype', 'global' }

---@param message string
---@param level? integer
local function say(message, level)
  vim.notify('infill: ' .. message, level or vim.log.levels.INFO)
end

local actions = {}

---@param scope? string
function actions.toggle(scope)
  if scope and not vim.list_contains(SCOPES, scope) then
    say('toggle takes buffer, filetype or global.', vim.log.levels.ERROR)
    return
  end
  local is_on = require('infill').toggle(scope)
  say(('suggestions are %s here.'):format(is_on and 'on' or 'off'))
end

function actions.status()
  local bufnr = vim.api.nvim_get_current_buf()
  local status = require('infill.status').get() or { kind = 'Starting', busy = false, reason = '' }
  local client = require('infill.client').of(bufnr)
  local parts = {}
  if client then
    parts[1] = ('server %d serves this buffer (%s)'):format(client.id, client.offset_encoding)
    parts[2] = status.percentage and ('loading, %d%%'):format(status.percentage) or status.kind
    parts[3] = 'suggestions are ' .. (require('infill.config').is_enabled(bufnr) and 'on' or 'off')
  elseif vim.lsp.is_enabled and vim.lsp.is_enabled('infill_ls') then
    parts[1] = 'no server serves this buffer; see :checkhealth infill'
  else
    parts[1] = "not enabled; put vim.lsp.enable('infill_ls') into your configuration"
  end
  for _, extra in ipairs({ status.message or '', status.reason }) do
    if extra ~= '' then
      parts[#parts + 1] = extra
    end
  end
  say(table.concat(parts, ' · '))
end

---@param lines string[]
local function show(lines)
  vim.cmd('botright new')
  local bufnr = vim.api.nvim_get_current_buf()
  vim.bo[bufnr].buftype = 'nofile'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.api.nvim_buf_set_name(bufnr, ('infill://explanation/%d'):format(bufnr))
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = bufnr, desc = 'Close' })
end

function actions.explain()
  local client = require('infill.client').of(vim.api.nvim_get_current_buf())
  if not client then
    return actions.status()
  end
  local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
  require('infill.client').execute(client, {
    title = 'Explain',
    command = 'infill.explain',
    arguments = { place },
  }, function(err, result)
    if err then
      say(err.message, vim.log.levels.ERROR)
    else
      show(require('infill.explanation').lines(result))
    end
  end)
end

function actions.restart()
  if not require('infill.client').restart() then
    say('no server was running; it is started where one belongs.')
  end
end

---@param minutes? string
function actions.snooze(minutes)
  local number = tonumber(minutes or '10')
  if not number or number < 0 or number > 1440 then
    say('snooze takes a number of minutes from 0 to 1440; 0 ends it.', vim.log.levels.ERROR)
    return
  end
  local client = require('infill.client').of(vim.api.nvim_get_current_buf())
  if not client then
    return actions.status()
  end
  require('infill.client').execute(client, {
    title = 'Snooze',
    command = 'infill.snooze',
    arguments = { number },
  }, function(err, result)
    if err then
      say(err.message, vim.log.levels.ERROR)
    elseif type(result) == 'table' and type(result['until']) == 'number' then
      local infill = require('infill')
      if infill.is_visible() then
        infill.dismiss()
      end
      require('infill.edits').drop()
      say(('suggestions are snoozed until %s.'):format(os.date('%H:%M', math.floor(result['until']))))
    else
      say('suggestions are not snoozed.')
    end
  end)
end

function actions.trigger()
  -- The command line leaves insert mode, so the request waits until insert mode is entered again.
  vim.schedule(function()
    if vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
      require('infill').trigger()
      return
    end
    vim.api.nvim_create_autocmd('InsertEnter', {
      once = true,
      callback = vim.schedule_wrap(function()
        require('infill').trigger()
      end),
    })
    vim.api.nvim_feedkeys('a', 'n', false)
  end)
end

--- Run `:Infill ...`; without an argument it shows the status.
---
---@param arguments string[]
function M.run(arguments)
  local action = actions[arguments[1] or 'status']
  if not action then
    local known = table.concat(M.complete('', 'Infill '), ', ')
    say(('there is no :Infill %s; there are %s.'):format(arguments[1], known), vim.log.levels.ERROR)
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
  local words = line:match('Infill%s+toggle%s') and vim.deepcopy(SCOPES) or vim.tbl_keys(actions)
  table.sort(words)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, lead)
  end, words)
end

return M
