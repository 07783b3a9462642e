globals = { 'vim' }
max_line_length = false -- stylua wraps code
