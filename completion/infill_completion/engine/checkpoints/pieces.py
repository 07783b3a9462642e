"""The bytes of a tokenizer's tokens, in one piece of memory: an object for each would take eight times as much."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate


class Pieces:
    """The bytes of each id.

    Args:
        pieces: They, in the order of the ids.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._bytes = b"".join(pieces)
        self._starts = array("I", accumulate(map(len, pieces), initial=0))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, id_: int) -> bytes:
        """Return the bytes of an id; raise IndexError for a number that is none."""
        if id_ < 0:
            raise IndexError(id_)
        return self._bytes[self._starts[id_] : self._starts[id_ + 1]]

    def joined(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of several ids, one after the other."""
        return b"".join(map(self.__getitem__, ids))
