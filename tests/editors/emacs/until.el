;;; until.el --- How the stories wait  -*- lexical-binding: t -*-

(defun story-until (deadline ask)
  "Return the first non-nil value of ASK, asked again until DEADLINE seconds have passed."
  (let ((end (+ (float-time) deadline)) (value nil))
    (while (and (not (setq value (funcall ask))) (< (float-time) end))
      (accept-process-output nil 0.1))
    value))
