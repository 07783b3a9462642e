-- The configuration behind `vim.lsp.enable('infill_ls')`.  Change it with `vim.lsp.config('infill_ls', { ... })`.

---@type vim.lsp.Config
return {
  -- The console script and nothing else: started through `python -m`, the workspace's own modules could run instead.
  cmd = { 'infill-ls' },
  -- A PYTHONPATH or a start-up file of the shell must not put code of the workspace in front of the server's.
  cmd_env = { PYTHONPATH = '', PYTHONSTARTUP = '', PYTHONSAFEPATH = '1' },
  -- Neovim 0.12 offers help pages too; nobody writes there.
  root_dir = function(bufnr, on_dir)
    if vim.bo[bufnr].buftype == '' then
      on_dir(vim.fs.root(bufnr, vim.lsp.config.infill_ls.root_markers or {}))
    end
  end,
  root_markers = { '.git', '.hg', '.svn', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  capabilities = {
    -- 0.11 does not know the request, so it does not announce it either.
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    -- The server takes the first it can; bytes are what the buffer counts in.
    general = { positionEncodings = { 'utf-8', 'utf-16', 'utf-32' } },
  },
  handlers = {
    ['infill/status'] = function(_, result)
      require('infill.status').received(result)
    end,
  },
  on_exit = function(code, signal, client_id)
    vim.schedule(function()
      require('infill.client').ended(client_id, code, signal)
    end)
  end,
  settings = { infill = vim.empty_dict() },
}
