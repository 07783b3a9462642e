"""The document in which edits are proposed, with what is read of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from infill_completion.document.lines import split_lines
from infill_completion.edits.history import Hunk
from infill_completion.edits.proposal import EditRequest
from infill_completion.edits.tokens import Lexeme, tokens_of

if TYPE_CHECKING:
    from tree_sitter import Tree

# How near to the change a syntax error means that the user is not done.
_NEAR_LINES = 3


@dataclass
class EditedDocument:
    """The document of a request, with what is read of it."""

    request: EditRequest
    tree: Tree | None
    starts: list[int]

    @cached_property
    def tokens(self) -> list[Lexeme]:
        """The tokens of the document."""
        return tokens_of(self.request.text, self.request.language_id)

    @classmethod
    def of(cls, request: EditRequest, tree: Tree | None) -> EditedDocument:
        """Return the document of a request; the tree has one byte for each character."""
        starts = [0]
        for line in split_lines(request.text):
            starts.append(starts[-1] + len(line))
        return cls(request, tree, starts)

    def span(self, first: int, end: int) -> tuple[int, int]:
        """Return the offsets of lines."""
        last = len(self.starts) - 1
        return self.starts[min(first, last)], self.starts[min(end, last)]

    def is_near(self, start: int, end: int, hunk: Hunk) -> bool:
        """Return whether a range is near the lines of a hunk."""
        low, high = self.span(max(hunk.first - _NEAR_LINES, 0), hunk.end + _NEAR_LINES)
        return start <= high and end >= low
