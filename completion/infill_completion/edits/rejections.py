"""Proposals that the user rejected or undid, so that they are not made again."""

from __future__ import annotations

from collections import OrderedDict

MAX_REJECTIONS = 500


class Rejections:
    """What was rejected: a line before and after, wherever it is in the document by now.

    Only hashes are kept.
    """

    def __init__(self) -> None:
        self._keys: OrderedDict[int, None] = OrderedDict()

    def add(self, uri: str, before: str, after: str) -> None:
        """Remember that ``before`` is not to become ``after``: whole lines, whose blanks at both ends do not count."""
        self.add_key(key_of(uri, before, after))

    def add_key(self, key: int) -> None:
        """Remember a change by its key."""
        self._keys[key] = None
        while len(self._keys) > MAX_REJECTIONS:
            self._keys.popitem(last=False)

    def holds(self, uri: str, before: str, after: str) -> bool:
        """Return whether ``before`` is not to become ``after``."""
        return key_of(uri, before, after) in self._keys


def key_of(uri: str, before: str, after: str) -> int:
    """Return the key of a change of whole lines."""
    return hash((uri, before.strip(), after.strip()))
