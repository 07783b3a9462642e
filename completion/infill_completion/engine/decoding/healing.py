"""Token healing: the tokens that may come next when the text must continue with a given string.

The unfinished word before the cursor is left out of the prompt and spelled by the model, because a text that ends
inside a word ends with tokens that the tokenizer would not use for the whole word.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache

import torch
from torch import Tensor

from infill_completion.engine.checkpoints.tokenizer import Tokenizer


class Speller:
    """Finds the tokens that agree with a text that is still to be spelled."""

    def __init__(self, tokenizer: Tokenizer, device: torch.device) -> None:
        self._tokenizer = tokenizer
        self._device = device
        pieces = tokenizer.pieces
        canonical = [id_ for id_, piece in enumerate(pieces) if piece and tokenizer.canonical(id_)]
        # In the order of their pieces; tuples or a dictionary of all tokens would take several megabytes.
        self._ids = array("i", sorted(canonical, key=pieces.__getitem__))
        self.allowed = lru_cache(512)(self._allowed)

    def _allowed(self, rest: bytes) -> Tensor:
        """Return the ids of tokens that begin with ``rest``, or that ``rest`` begins with; never empty.

        Tokens shorter than the first token of ``rest`` itself are excluded, so that a word is not spelled in fragments.
        In a run of blanks they may be one blank shorter, because the last blank belongs to the word after it.
        """
        ids: list[int] = []
        pieces = self._tokenizer.pieces
        position = bisect_left(self._ids, rest, key=pieces.__getitem__)
        while position < len(self._ids) and pieces[self._ids[position]].startswith(rest):
            ids.append(self._ids[position])
            position += 1
        inside_character = rest[0] & 0xC0 == 0x80
        text = "" if inside_character else rest.decode("utf-8", "ignore")
        first = self._tokenizer.encode_infilling(text)[:1] if text else ()
        shortest = len(pieces[first[0]]) if first else 1
        if not rest.strip(b" \t"):
            shortest = max(1, shortest - 1)
        shorter = (self._id(rest[:length]) for length in range(shortest, len(rest)))
        ids += [id_ for id_ in shorter if id_ is not None]
        return torch.tensor(ids or list(first) or [self._single(rest[:1])], device=self._device)

    def _id(self, piece: bytes) -> int | None:
        """Return the last token that is spelled so, or None."""
        pieces = self._tokenizer.pieces
        position = bisect_right(self._ids, piece, key=pieces.__getitem__) - 1
        return self._ids[position] if position >= 0 and pieces[self._ids[position]] == piece else None

    def _single(self, byte: bytes) -> int:
        id_ = self._id(byte)
        if id_ is None:
            raise KeyError(byte)
        return id_


def spelled(rest: bytes, piece: bytes) -> bytes:
    """Return what is still to be spelled after ``piece``."""
    return rest[len(piece) :] if len(piece) < len(rest) else b""
