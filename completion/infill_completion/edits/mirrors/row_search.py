"""Finds rows of like items around the names of a list."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.mirrors.added import AddedItems
from infill_completion.edits.mirrors.rows import MAX_PERIOD, ItemRow, row_of
from infill_completion.edits.mirrors.spellings import forms, search_of
from infill_completion.edits.tokens import LexemeKind

# What stands more often is not looked at.
MAX_OCCURRENCES = 60
# Characters after a name that tell whether it ends there, with those that its words may be joined by.
_MORE = 9


class RowSearch:
    """Finds rows of items around the names of a list.

    Args:
        added: What was added to the list.
        document: The document.
        spans: Where the list itself is in it.
        check: Called often; raises an error if someone else needs the time.
    """

    def __init__(
        self,
        added: AddedItems,
        document: EditedDocument,
        spans: Sequence[tuple[int, int]],
        check: Callable[[], None],
    ) -> None:
        self._names, self._at = [*added.before, *added.after], len(added.before)
        self._document, self._text, self._spans, self._check = document, document.request.text, spans, check
        self._known: dict[str, list[int]] = {}

    def all(self) -> Iterator[ItemRow]:
        """Yield the rows in which the names beside the new ones may be."""
        names, at = self._names, self._at
        beside = names[max(at - 1, 0) : at + 1]
        if len(names) < 2 or not all(self._offsets(name) for name in beside):
            return
        self._tokens = [token for token in self._document.tokens if token.kind is not LexemeKind.COMMENT]
        self._starts = [token.start for token in self._tokens]
        known = set[tuple[int, tuple[str, ...]]]()
        for first in sorted({max(min(at + by, len(names) - 2), 0) for by in (-2, -1, 0)}):
            ones, others = (self._with(names[index]) for index in (first, first + 1))
            for pair in ((one, other) for one in ones for other in others if 0 < other - one <= MAX_PERIOD):
                self._check()
                row = row_of(self._text, self._tokens, pair, names, first)
                if row is not None and (row.starts[0], row.names) not in known:
                    known.add((row.starts[0], row.names))
                    yield row

    def has(self, name: str, start: int, end: int) -> bool:
        """Return whether a name may be between two offsets, in any spelling, outside of the list."""
        found = self._found(name)
        return len(found) > MAX_OCCURRENCES or any(
            start <= offset < end and bool(forms(self._text[max(offset - 1, 0) : offset + len(name) + _MORE], name))
            for offset in found
        )

    def _offsets(self, name: str) -> list[int]:
        """Return where a name may be; empty if it may be at too many places."""
        found = self._found(name)
        return found if len(found) <= MAX_OCCURRENCES else []

    def _found(self, name: str) -> list[int]:
        """Return where a name may be, outside of the list, up to one place more than are looked at."""
        if name not in self._known:
            found = (
                match.start()
                for match in search_of(name).finditer(self._text)
                if not any(start <= match.start() < end for start, end in self._spans)
            )
            self._known[name] = list(islice(found, MAX_OCCURRENCES + 1))
        return self._known[name]

    def _with(self, name: str) -> list[int]:
        """Return the tokens with a name."""
        indexes = (bisect_right(self._starts, offset) - 1 for offset in self._offsets(name))
        found = dict.fromkeys(index for index in indexes if index >= 0)
        return [index for index in found if forms(self._tokens[index].text, name)]
