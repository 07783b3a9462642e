"""The bytes of a tokenizer's tokens, in one piece of memory: an object for each would take eight times as much."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import overload


class Pieces(Sequence[bytes]):
    """The bytes of each id.

    Args:
        pieces: They, in the order of the ids.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._bytes = b"".join(pieces)
        self._starts = array("I", accumulate(map(len, pieces), initial=0))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        """Return the bytes of an id."""
        if isinstance(index, slice):
            return [self[id_] for id_ in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._bytes[self._starts[index] : self._starts[index + 1]]

    def joined(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of several ids, one after the other."""
        return b"".join(map(self.__getitem__, ids))
