--- `:checkhealth infill`.

local M = {}

local health = vim.health

local function check_neovim()
  health.start('Neovim')
  if vim.fn.has('nvim-0.11') == 1 then
    health.ok(('Neovim %s'):format(tostring(vim.version())))
  else
    health.error('Neovim is older than 0.11.', 'Install Neovim 0.11 or newer.')
  end
  local builtin = require('infill.builtin')
  if builtin.exists() then
    local is_drawing = builtin.is_drawing(vim.api.nvim_get_current_buf())
    health.info(
      is_drawing and "Neovim's own inline completion draws the ghost text."
        or "This plugin draws the ghost text; Neovim's own inline completion is off."
    )
  end
end

---@return string? # The path of the executable.
local function check_command()
  health.start('Language server')
  local config = vim.lsp.config.infill_ls or {}
  local command = type(config.cmd) == 'table' and config.cmd[1] or 'infill-ls'
  local path = vim.fn.exepath(command)
  if path == '' then
    health.error(('%s is not executable.'):format(command), {
      'Install it: pipx install infill-ls, or uv tool install infill-ls.',
      "Or name it: vim.lsp.config('infill_ls', { cmd = { '/path/to/infill-ls' } })",
    })
    return nil
  end
  local version = vim.system({ path, '--version' }, { text = true, timeout = 10000 }):wait()
  if version.code ~= 0 then
    health.error(('%s --version failed: %s'):format(path, vim.trim(version.stderr or '')))
    return nil
  end
  health.ok(('%s (%s)'):format(vim.trim(version.stdout), path))
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('infill_ls') then
    health.warn('It is not enabled.', "Add vim.lsp.enable('infill_ls') to your configuration.")
  end
  return path
end

local function check_clients()
  local clients = vim.lsp.get_clients({ name = 'infill_ls' })
  if #clients == 0 then
    health.warn('It is not running.', 'Open a file; then see :Infill status and the log at vim.lsp.log.get_filename().')
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_count(client.attached_buffers)
    health.ok(
      ('Client %d serves %d buffer(s), positions in %s, root %s.'):format(
        client.id,
        buffers,
        client.offset_encoding,
        client.root_dir or 'none'
      )
    )
    if not client.server_capabilities.inlineCompletionProvider then
      health.error('It does not offer inline completion.', 'Update infill-ls.')
    end
  end
  local status = require('infill.status').get()
  if status then
    local report = (status.kind == 'Error' or status.kind == 'Ended') and health.error
      or status.kind == 'Warning' and health.warn
      or health.ok
    report(('Status: %s. %s%s'):format(status.kind, status.message and status.message .. '. ' or '', status.reason))
  end
end

---@param path string
local function check_doctor(path)
  health.start('Engine (infill-ls doctor)')
  local run = vim.system({ path, 'doctor' }, { text = true, timeout = 60000 }):wait()
  for _, line in ipairs(vim.split(vim.trim(run.stdout or ''), '\n')) do
    if line ~= '' then
      health.info(line)
    end
  end
  if run.code ~= 0 then
    health.warn(('infill-ls doctor ended with code %d.'):format(run.code), vim.trim(run.stderr or ''))
  end
end

local function check_keys()
  health.start('Keys')
  local found = {}
  for _, mapping in ipairs(vim.list_extend(vim.api.nvim_get_keymap('i'), vim.api.nvim_get_keymap('n'))) do
    local is_ours = (mapping.rhs or ''):find('<Plug>(infill-', 1, true) or (mapping.desc or ''):find('^infill: ')
    if is_ours and not mapping.lhs:find('^<Plug>') then
      found[#found + 1] = ('%s (%s mode: %s)'):format(
        mapping.lhs,
        mapping.mode == 'n' and 'normal' or 'insert',
        mapping.desc or mapping.rhs
      )
    end
  end
  if #found == 0 then
    health.info("No key is mapped by this plugin's own means, for example require('infill').map('<Tab>', 'accept').")
  else
    health.ok(table.concat(found, ', '))
  end
end

local function check_edits()
  health.start('Next edits')
  if require('infill.config').options.edits then
    health.ok('They are asked for; the setting edits.enabled of the server switches them off there.')
  else
    health.info('They are switched off (edits = false in setup).')
  end
end

--- Run all checks.
function M.check()
  check_neovim()
  local path = check_command()
  if path then
    check_clients()
    check_doctor(path)
  end
  check_edits()
  check_keys()
end

return M
