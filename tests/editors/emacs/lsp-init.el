;; The configuration of editors/README.md for lsp-mode.
(with-eval-after-load 'lsp-mode
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection '("infill-ls"))
                    :activation-fn (lambda (&rest _) t)
                    :add-on? t
                    :priority -1
                    :notification-handlers #s(hash-table test equal data ("infill/status" ignore))
                    :server-id 'infill-ls)))
(add-hook 'prog-mode-hook #'lsp-deferred)
