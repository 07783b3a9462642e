"""Keeps the n-gram index of the last prompt and extends it while the user types."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from infill_completion.engine.ngram.compiled import counts_of
from infill_completion.engine.ngram.index import NgramIndex
from infill_completion.engine.ngram.mixture import MAX_INDEX_TOKENS, MixtureParameters, ngram_index
from infill_completion.prompt.tokens import Prompt

_MAX_GROWN = 256  # tokens; beyond that, copying what was appended costs as much as building the index again


class IndexKeeper:
    """Builds the index of a prompt from that of the previous prompt, where the text before the cursor only grew."""

    def __init__(self) -> None:
        self._prompt: Prompt | None = None
        self._cache = MixtureParameters()
        self._index = NgramIndex(())
        self._grown = 0

    def index(
        self, prompt: Prompt, cache: MixtureParameters | None, infilling: Any, library: ctypes.CDLL | None = None
    ) -> NgramIndex:
        """Return the index of a prompt, which the caller may append to.

        Args:
            prompt: The prompt.
            cache: The weights of the index, which say what it counts; None if it only drafts.
            infilling: The tokenizer's tokens for infilling, or None.
            library: Counts in compiled code; None where there is none.
        """
        cache = cache or MixtureParameters()
        last = self._prompt
        if last is None or last.before is not prompt.before or cache != self._cache:
            added = _added(last, prompt) if last is not None and cache == self._cache else None
            if added is None or self._grown + len(added) > _MAX_GROWN:
                self._index, self._grown = ngram_index(prompt, cache, infilling), 0
            else:
                self._index, self._grown = self._index.extended(added), self._grown + len(added)
            self._prompt, self._cache = prompt, cache
        index = self._index.fork()
        index.compiled = None if library is None else counts_of(library)
        return index


def _added(last: Prompt, prompt: Prompt) -> Sequence[int] | None:
    """Return the tokens that were added before the cursor, or None where anything else changed."""
    if len(last.before) != len(prompt.before) or not prompt.before:
        return None
    old, new = last.before[-1], prompt.before[-1]
    added = new[len(old) :]
    same = (
        new[: len(old)] == old
        and last.before[:-1] == prompt.before[:-1]
        and last.after == prompt.after
        and sum(map(len, prompt.before)) + len(prompt.after) <= MAX_INDEX_TOKENS
    )
    return added if same else None
