"""The log entry of a failure on the model thread."""

from __future__ import annotations

import logging

from infill_completion.errors import frames_of

log = logging.getLogger(__name__)


def log_failure(sentence: str, error: BaseException) -> None:
    """Log ``sentence`` and where ``error`` was raised, but not its message, which may quote the prompt."""
    log.error("%s\n%s", sentence, frames_of(error))
