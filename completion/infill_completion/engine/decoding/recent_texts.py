"""Recently generated texts, from which a new request that agrees with one of them is drafted.

A request leaves its text behind when it is answered or cancelled.  When the next request agrees with that text, as
after a keystroke that types the beginning of the suggestion, the rest becomes a draft: the model checks it several
tokens per step, so the answer is the one that it would have generated anyway.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from infill_completion.api import CompletionRequest

MAX_TEXTS = 16
MAX_DELETED_CHARS = 64


@dataclass(frozen=True)
class _GeneratedText:
    prefix: str
    suffix: str | None
    text: str

    def rest(self, request: CompletionRequest) -> str:
        """Return its part after the cursor of ``request``; empty where the two disagree."""
        length, start = len(request.prefix), len(self.prefix)
        if request.suffix != self.suffix or not start - MAX_DELETED_CHARS <= length < start + len(self.text):
            return ""
        whole = self.prefix + self.text
        return whole[length:] if whole.startswith(request.prefix) else ""


class RecentTexts:
    """The texts of the most recent requests."""

    def __init__(self) -> None:
        self._texts: deque[_GeneratedText] = deque(maxlen=MAX_TEXTS)

    def add(self, request: CompletionRequest, text: str) -> None:
        """Remember the text of a request, complete or not."""
        if text:
            self._texts.append(_GeneratedText(request.prefix, request.suffix, text))

    def clear(self) -> None:
        """Forget all texts."""
        self._texts.clear()

    def rest(self, request: CompletionRequest) -> str:
        """Return what the newest text that agrees with a request has after its cursor; empty where none agrees."""
        return next((rest for text in reversed(self._texts) if (rest := text.rest(request))), "")
