;;; story.el --- What a user of eglot does, in batch  -*- lexical-binding: t -*-

;; Takes the file, the text to type at its end and the file for the report from the environment.

(require 'cl-lib)
(require 'json)
(package-initialize)
(require 'eglot)
(require 'company)
(dolist (name '("init.el" "until.el"))
  (load (expand-file-name name (file-name-directory load-file-name))))

(setq eglot-sync-connect 30
      eglot-send-changes-idle-time 0
      company-idle-delay nil)

(defun story-inline (server)
  "Ask SERVER for inline completions at point."
  (eglot--signal-textDocument/didChange)
  (let ((answer (jsonrpc-request
                 server :textDocument/inlineCompletion
                 (append (eglot--TextDocumentPositionParams) '(:context (:triggerKind 1))))))
    (append (if (vectorp answer) answer (plist-get answer :items)) nil)))

(let ((report nil))
  (find-file (getenv "STORY_FILE"))
  (unless (eglot-current-server)
    (apply #'eglot--connect (eglot--guess-contact)))
  (let ((server (eglot-current-server)))
    (goto-char (point-max))
    (insert (getenv "STORY_TYPED"))
    ;; While the server finds the engine its answers are empty.
    (push (cons 'inline (mapcar (lambda (item) (plist-get item :insertText))
                                (story-until 60 (lambda () (story-inline server)))))
          report)
    (company-mode 1)
    (let ((company-backends '(company-capf)))
      (company-manual-begin)
      (push (cons 'popup (mapcar #'substring-no-properties company-candidates)) report)
      (push (cons 'annotation (and company-candidates (company-call-backend 'annotation (car company-candidates))))
            report)
      (company-complete-selection))
    (push (cons 'language (plist-get (eglot--TextDocumentItem) :languageId)) report)
    (push (cons 'text (buffer-substring-no-properties (point-min) (point-max))) report)
    (save-buffer)
    (with-temp-file (getenv "STORY_REPORT")
      (insert (json-encode report)))
    (eglot-shutdown server)))
