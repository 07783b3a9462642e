"""What was written lately, to go on with where a new request agrees with it.

A request that was withdrawn, or answered, leaves its text behind.  When the next one stands on the way of that text, as
after a keystroke that typed what was about to be suggested, the rest becomes a draft: the model checks it several
tokens a step, so the answer is the one that it would have written anyway.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from infill_completion.api import CompletionRequest

MOST_TEXTS = 16
MOST_DELETED_CHARS = 64


@dataclass(frozen=True)
class _Written:
    prefix: str
    suffix: str | None
    text: str

    def rest(self, request: CompletionRequest) -> str:
        """Return what it wrote behind the cursor of ``request``; empty where the two disagree."""
        length, start = len(request.prefix), len(self.prefix)
        if request.suffix != self.suffix or not start - MOST_DELETED_CHARS <= length < start + len(self.text):
            return ""
        whole = self.prefix + self.text
        return whole[length:] if whole.startswith(request.prefix) else ""


class Recent:
    """The texts of the last requests."""

    def __init__(self) -> None:
        self._texts: deque[_Written] = deque(maxlen=MOST_TEXTS)

    def note(self, request: CompletionRequest, text: str) -> None:
        """Remember what a request got, whole or not."""
        if text:
            self._texts.append(_Written(request.prefix, request.suffix, text))

    def clear(self) -> None:
        """Forget all."""
        self._texts.clear()

    def rest(self, request: CompletionRequest) -> str:
        """Return what the newest text that agrees has behind the request's cursor; empty where none does."""
        return next((rest for written in reversed(self._texts) if (rest := written.rest(request))), "")
