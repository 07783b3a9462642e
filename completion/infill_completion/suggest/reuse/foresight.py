"""What the model may write instead of an answer of its own, wherever the user stops following that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from infill_completion.api import Chunk


@dataclass(frozen=True)
class _UnsureToken:
    """A token at ``start`` in the answer, how likely it was, and what might have stood there instead."""

    start: int
    text: str
    share: float
    alternatives: Mapping[str, float]


class Foresight:
    """The likely next characters along one answer of the engine, for as long as the user types what it says.

    The empty character stands for the end of the answer.
    """

    def __init__(self, next_characters: Mapping[str, float] | None = None) -> None:
        self._first = next_characters or {}
        self._text = ""
        self._unsure: list[_UnsureToken] = []

    def add(self, chunk: Chunk) -> None:
        """Take over what the engine reports with the next chunk of the answer."""
        self._first = self._first or chunk.next_characters
        if chunk.alternatives:
            share = math.exp(chunk.logprob_sum)
            self._unsure.append(_UnsureToken(len(self._text), chunk.text, share, chunk.alternatives))
        self._text += chunk.text

    def after(self, typed: str) -> dict[str, float]:
        """Return how likely each character is to follow ``typed``, where that is known.

        After something typed, only characters that leave the answer are named: what the answer has next is no news.
        """
        if not typed:
            return dict(self._first)
        if not self._text.startswith(typed):
            return {}
        place = len(typed)
        token = next((each for each in self._unsure if each.start <= place < each.start + len(each.text)), None)
        return {} if token is None else _leaving(token, place - token.start)

    def once_typed(self, typed: str) -> Foresight:
        """Return what is foreseen where ``typed`` has been typed already."""
        made = Foresight(self.after(typed))
        if self._text.startswith(typed):
            made._text = self._text[len(typed) :]
            later = (token for token in self._unsure if token.start >= len(typed))
            made._unsure = [replace(token, start=token.start - len(typed)) for token in later]
        return made


def _leaving(token: _UnsureToken, written: int) -> dict[str, float]:
    """Return the characters that leave a token of which so many are written, each with its share of what still fits."""
    begun, expected = token.text[:written], token.text[written]
    total, leaving = token.share, dict[str, float]()
    for text, share in token.alternatives.items():
        is_end = not text and not written
        if not is_end and (len(text) <= written or not text.startswith(begun)):
            continue
        total += share
        character = text[written : written + 1]
        if character != expected:
            leaving[character] = leaving.get(character, 0.0) + share
    return {character: share / total for character, share in leaving.items()}
