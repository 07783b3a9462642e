"""An index from words to windows of lines, small enough to hold a whole workspace."""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

# A query reads at most this many entries, the rarest words first; that takes a few milliseconds.
MAX_READ = 8000
# A word in more windows than this distinguishes none.
_MAX_COMMON = 1500
# Windows of one document are often alike, so more are ranked than are wanted.
_RANKED = 64


class InvertedIndex(Generic[K]):
    """Finds windows by the words in them; a window belongs to a document and begins at one of its lines.

    Takes about 6 bytes for each word of each window, plus each word itself once.
    """

    def __init__(self) -> None:
        self._postings: dict[str, array[int]] = {}
        self._owner: list[K | None] = []
        self._start = array("I")
        self._size = array("H")
        self._dead = 0

    def __len__(self) -> int:
        return len(self._owner) - self._dead

    def __contains__(self, word: str) -> bool:
        return word in self._postings

    @property
    def is_stale(self) -> bool:
        """Whether so much was removed that the index should be rebuilt."""
        return self._dead > 1000 and 2 * self._dead > len(self._owner)

    def add(self, owner: K, start: int, words: Collection[str]) -> int:
        """Add a window and return its number."""
        number = len(self._owner)
        self._owner.append(owner)
        self._start.append(start)
        self._size.append(min(len(words), 65_535))
        for word in words:
            posting = self._postings.get(word)
            if posting is None:
                posting = self._postings[word] = array("I")
            posting.append(number)
        return number

    def remove(self, number: int) -> None:
        """Forget a window."""
        if self._owner[number] is not None:
            self._owner[number] = None
            self._dead += 1

    def best(self, words: Collection[str], most: int) -> list[tuple[K, int]]:
        """Return document and first line of up to ``most`` windows of different documents, the best first.

        A window's score is the sum of the inverse document frequencies of the words it shares with the query, less
        for long windows; equal scores keep the order in which the windows were added.
        """
        lists = sorted((len(found), word) for word in set(words) if (found := self._postings.get(word)) is not None)
        scores: dict[int, float] = {}
        left = MAX_READ
        for length, word in lists:
            left -= length
            if length > _MAX_COMMON or left < 0:
                break
            weight = math.log(1 + len(self._owner) / length)
            for number in self._postings[word]:
                scores[number] = scores.get(number, 0.0) + weight
        rated = ((-score / (20 + self._size[number]), number) for number, score in scores.items())
        chosen: dict[K, int] = {}
        for _, number in heapq.nsmallest(_RANKED, rated):
            owner = self._owner[number]
            if owner is not None and owner not in chosen:
                chosen[owner] = self._start[number]
                if len(chosen) == most:
                    break
        return list(chosen.items())
