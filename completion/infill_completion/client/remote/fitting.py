"""Shortening a request for a server whose tokens we cannot count."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.api import CompletionRequest, ContextItem

# Source code has at least this many characters per token on average.  Remote servers refuse a prompt that is too long.
_CHARACTERS_PER_TOKEN = 3
_SUFFIX_SHARE = 0.25
_CONTEXT_SHARE = 0.25


def fitted(request: CompletionRequest, context_tokens: int) -> CompletionRequest:
    """Shorten ``request`` to the budget: it keeps the text nearest to the cursor, cut at line ends, and whole items."""
    room = context_tokens * _CHARACTERS_PER_TOKEN
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
    prefix = request.prefix
    if len(prefix) > room:
        cut = prefix[-room:] if room > 0 else ""
        prefix = cut[cut.find("\n") + 1 :] if "\n" in cut else cut
    return replace(request, prefix=prefix, suffix=suffix, context=tuple(context))
