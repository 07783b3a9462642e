"""Shortening a request for a server whose tokens we cannot count."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.api import CompletionRequest, ContextItem, Usage

# Source code has at least this many characters per token on average.  Remote servers refuse a prompt that is too long.
_CHARACTERS_PER_TOKEN = 3.0
_LEAST_CHARACTERS_PER_TOKEN = 0.25
# Of a shorter prompt, much is the template that the server puts around it.
_MEASURED_CHARACTERS = 2000
# For the marks of the format, and for an estimate that is slightly wrong.
_MARGIN_TOKENS = 16
_SUFFIX_SHARE = 0.25
_CONTEXT_SHARE = 0.25
_STEPS = 8


class PromptBudget:
    """How much text fits one server: the user's limit, or the server's window if that is smaller.

    Attributes:
        window_tokens: The most tokens of prompt and answer together; None if the server has not said.
    """

    def __init__(self, context_tokens: int) -> None:
        self.window_tokens: int | None = None
        self._context_tokens = context_tokens
        self._characters_per_token = _CHARACTERS_PER_TOKEN

    @property
    def is_smaller(self) -> bool:
        """Whether the server takes less than the user's limit."""
        return self.window_tokens is not None and self.window_tokens < self._context_tokens

    def fitted(self, request: CompletionRequest) -> CompletionRequest:
        """Return ``request`` shortened to the budget; its answer too, if the window is small."""
        tokens, most = self._context_tokens, request.max_tokens
        if self.window_tokens is not None:
            most = min(most, max(1, self.window_tokens // 4))
            tokens = min(tokens, max(1, self.window_tokens - most - _MARGIN_TOKENS))
        room = int(tokens * self._characters_per_token)
        return fitted(replace(request, max_tokens=most), room)

    def refused(self, sent: CompletionRequest, window_tokens: int | None, prompt_tokens: int | None) -> None:
        """Learn from the refusal of a prompt that was too long.

        Args:
            sent: The request as it was sent.
            window_tokens: The limit that the server named.
            prompt_tokens: The size that it counted.
        """
        size = _size(sent)
        measured = size / prompt_tokens if prompt_tokens else 0.0
        is_news = window_tokens is not None and (self.window_tokens is None or window_tokens < self.window_tokens)
        if is_news:
            self.window_tokens = window_tokens
        if 0 < measured < self._characters_per_token:
            self._estimate(measured)
        elif not is_news:  # the server gave no number that helps
            self._estimate(self._characters_per_token / 2)

    def answered(self, sent: CompletionRequest, usage: Usage) -> None:
        """Learn from an answer how many tokens the text has; some servers cut a prompt silently."""
        size = _size(sent)
        if usage.prompt_tokens and size >= _MEASURED_CHARACTERS:
            self._estimate(min(self._characters_per_token, size / usage.prompt_tokens))

    def _estimate(self, characters_per_token: float) -> None:
        self._characters_per_token = max(_LEAST_CHARACTERS_PER_TOKEN, characters_per_token)


def fitted(request: CompletionRequest, room: int) -> CompletionRequest:
    """Shorten ``request`` to ``room`` characters: the text nearest to the cursor, cut at line ends, and whole items."""
    context: list[ContextItem] = []
    left = int(room * _CONTEXT_SHARE)
    for item in reversed(request.context):  # the last are the most specific
        left -= len(item.text) + len(item.path)
        if left < 0:
            break
        context.insert(0, item)
    room -= sum(len(item.text) + len(item.path) for item in context)
    suffix = request.suffix
    if suffix is not None:
        share = max(int(room * _SUFFIX_SHARE), room - len(request.prefix))
        suffix = suffix if len(suffix) <= share else suffix[: suffix.rfind("\n", 0, share) + 1] or suffix[:share]
        room -= len(suffix)
    return replace(request, prefix=_end_of(request.prefix, room), suffix=suffix, context=tuple(context))


def _end_of(prefix: str, room: int) -> str:
    """Return the end of ``prefix``, cut at a line end if possible.

    The cut moves in steps, so that most keystrokes leave the start of the prompt as it is, and the server's KV cache of
    it valid.
    """
    if len(prefix) <= room:
        return prefix
    step = max(1, room // _STEPS)
    start = min(-(-(len(prefix) - room) // step) * step, len(prefix))
    newline = prefix.find("\n", start)
    is_near = 0 <= newline - start <= step and newline + 1 < len(prefix)
    return prefix[newline + 1 :] if is_near else prefix[start:]


def _size(request: CompletionRequest) -> int:
    """Return the characters of a request's prompt."""
    others = sum(len(item.text) + len(item.path) for item in request.context)
    return len(request.prefix) + len(request.suffix or "") + others
