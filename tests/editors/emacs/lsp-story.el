;;; lsp-story.el --- What a user of lsp-mode does, in batch  -*- lexical-binding: t -*-

;; Takes the file, the text to type at its end and the file for the report from the environment.

(require 'cl-lib)
(require 'json)
(package-initialize)
(require 'lsp-mode)
(require 'company)
(dolist (name '("lsp-init.el" "until.el"))
  (load (expand-file-name name (file-name-directory load-file-name))))

(setq lsp-auto-guess-root t
      lsp-enable-file-watchers nil
      lsp-enable-snippet nil
      lsp-idle-delay 0
      company-idle-delay nil)

(let ((report nil))
  (find-file (getenv "STORY_FILE"))
  (lsp)
  (story-until 60 (lambda () (cl-some (lambda (each) (eq (lsp--workspace-status each) 'initialized)) (lsp-workspaces))))
  (goto-char (point-max))
  (insert (getenv "STORY_TYPED"))
  (company-mode 1)
  (let ((company-backends '(company-capf)))
    ;; While the server finds the engine its answers are empty.
    (story-until 60 (lambda () (company-manual-begin) company-candidates))
    (push (cons 'popup (mapcar #'substring-no-properties company-candidates)) report)
    (company-complete-selection))
  (push (cons 'text (buffer-substring-no-properties (point-min) (point-max))) report)
  (save-buffer)
  (with-temp-file (getenv "STORY_REPORT")
    (insert (json-encode report))))
