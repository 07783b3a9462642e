"""What stands around a node of a syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

# Each step up takes time that grows with the depth: a node does not know its parent, and tree-sitter looks for it from
# the root. People nest less than this; a line of 60,000 backticks is a tree of 30,000 levels, and took 31 seconds.
MOST_LEVELS = 256


def ancestors(node: Node) -> Iterator[Node]:
    """Yield the nodes around a node, the innermost first; the last one is the root unless the tree is very deep."""
    around = node.parent
    for _ in range(MOST_LEVELS):
        if around is None:
            return
        yield around
        around = around.parent
