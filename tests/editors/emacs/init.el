;; The configuration of editors/README.md for eglot.
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '(prog-mode . ("infill-ls"))))
(add-hook 'prog-mode-hook #'eglot-ensure)
