"""The text around the cursor's line, parsed once, and the errors with each of the texts that are tried in its place.

A trial starts from the tree of the text without the line, so only what the trial changes is read again. Most trials at
a key have the same surroundings, and so have those at the next key of the line.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.languages.syntax.parser import move, parse

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# Surroundings that are kept: of a few documents, with the smaller parts in which a suggestion is tried.
_MAX_GAPS = 16
# Results that are kept for each.
_MAX_RESULTS = 64


class LineGap:
    """A place in a text for one or more lines.

    Args:
        above: The text before the place, with its last line end.
        below: The text after it, with the line end before it.
        language_id: LSP's language id.
    """

    def __init__(self, above: str, below: str, language_id: str) -> None:
        self._above, self._below = above.encode("utf-8", "replace"), below.encode("utf-8", "replace")
        self._language_id = language_id
        self._tree = parse(self._above + self._below, language_id)
        self._results: dict[str, int | None] = {}

    def errors(self, lines: str) -> int | None:
        """Return the number of syntax errors with ``lines`` in the gap; None if unknown."""
        if lines not in self._results:
            if len(self._results) >= _MAX_RESULTS:
                self._results.clear()
            tree = self.tree(lines)
            self._results[lines] = None if tree is None else _count(tree.root_node)
        return self._results[lines]

    def tree(self, lines: str) -> Tree | None:
        """Return the syntax tree with ``lines`` in the gap; None if unknown."""
        if not lines:
            return self._tree
        written, former = lines.encode("utf-8", "replace"), None
        if self._tree is not None:
            start = len(self._above)
            former = self._tree.copy()
            move(former, start, start, start + len(written))
        return parse(self._above + written + self._below, self._language_id, former)


@lru_cache(maxsize=_MAX_GAPS)
def gap_between(above: str, below: str, language_id: str) -> LineGap:
    """Return the gap between two texts; the latest ones are kept."""
    return LineGap(above, below, language_id)


def _count(root: Node) -> int:
    found, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if node.has_error:
            found += node.is_error or node.is_missing
            waiting += node.children
    return found
