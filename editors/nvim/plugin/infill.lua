if vim.g.loaded_infill then
  return
end
vim.g.loaded_infill = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('infill needs Neovim 0.11 or newer.', vim.log.levels.WARN)
  return
end

-- Modules are loaded by the first key, command or attached buffer, so that start-up stays fast.
for name, action in pairs({
  ['accept'] = 'accept',
  ['accept-word'] = 'accept_word',
  ['accept-line'] = 'accept_line',
  ['next'] = 'next',
  ['previous'] = 'previous',
  ['dismiss'] = 'dismiss',
  ['trigger'] = 'trigger',
}) do
  vim.keymap.set('i', ('<Plug>(infill-%s)'):format(name), function()
    require('infill')[action]()
  end, { desc = ('infill: %s'):format(name) })
end

for name, action in pairs({ ['edit-next'] = 'edit_next', ['edit-dismiss'] = 'edit_dismiss' }) do
  vim.keymap.set({ 'n', 'i' }, ('<Plug>(infill-%s)'):format(name), function()
    require('infill')[action]()
  end, { desc = ('infill: %s'):format(name) })
end

vim.api.nvim_create_user_command('Infill', function(command)
  require('infill.commands').run(command.fargs)
end, {
  nargs = '*',
  desc = 'Inline code completion: toggle, status, explain, restart, trigger',
  complete = function(lead, line)
    return require('infill.commands').complete(lead, line)
  end,
})

local group = vim.api.nvim_create_augroup('infill', {})

---@param event string
---@param handler fun(client: vim.lsp.Client, event: table)
local function on_client(event, handler)
  vim.api.nvim_create_autocmd(event, {
    group = group,
    callback = function(args)
      local client = args.data and vim.lsp.get_client_by_id(args.data.client_id)
      if client and client.name == 'infill_ls' then
        handler(client, args)
      end
    end,
  })
end

on_client('LspAttach', function(client, args)
  require('infill.client').attached(client, args.buf)
end)
on_client('LspDetach', function(client, args)
  require('infill.client').detached(client, args.buf)
end)
on_client('LspRequest', function(_, args)
  require('infill.builtin').record(args.data)
end)
on_client('LspProgress', function(_, args)
  require('infill.status').progress(args.data.params.value)
end)
