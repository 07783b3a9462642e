-- The configuration for `vim.lsp.enable('infill_ls')`.  Change it with `vim.lsp.config('infill_ls', { ... })`.

---@type vim.lsp.Config
return {
  -- Only the console script: `python -m` could run modules of the workspace instead.
  cmd = { 'infill-ls' },
  -- A PYTHONPATH or a start-up file of the shell must not put code of the workspace before the server's.
  cmd_env = { PYTHONPATH = '', PYTHONSTARTUP = '', PYTHONSAFEPATH = '1' },
  -- Neovim 0.12 attaches to help pages too, which are read-only.
  root_dir = function(bufnr, on_dir)
    if vim.bo[bufnr].buftype == '' then
      on_dir(vim.fs.root(bufnr, vim.lsp.config.infill_ls.root_markers or {}))
    end
  end,
  root_markers = { '.git', '.hg', '.svn', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  capabilities = {
    -- Neovim 0.11 does not know the request, so it does not announce the capability.
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    -- The server picks the first that it supports; the buffer counts in bytes, so UTF-8 is preferred.
    general = { positionEncodings = { 'utf-8', 'utf-16', 'utf-32' } },
    -- The server says when a suggestion has grown by whole lines.
    experimental = { infillLonger = true },
  },
  handlers = {
    ['infill/status'] = function(_, result)
      require('infill.status').received(result)
    end,
    ['infill/longer'] = function(_, result)
      require('infill.session').longer(result.textDocument)
    end,
  },
  on_exit = function(code, signal, client_id)
    vim.schedule(function()
      require('infill.client').ended(client_id, code, signal)
    end)
  end,
  settings = { infill = vim.empty_dict() },
}
