"""Unforeseen errors, logged without their messages."""

from __future__ import annotations

import traceback


def frames_of(error: BaseException) -> str:
    """Return the stack frames of an error as a traceback prints them, without the error's message.

    The message may quote the document or the prompt, which must never be logged.
    """
    return "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
