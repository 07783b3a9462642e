"""What stands around a node is found in trees of any depth."""

from __future__ import annotations

from infill_completion.edits.ancestors import MOST_LEVELS, ancestors
from infill_completion.edits.parsed import Parsers


def test_the_nodes_around_a_node_lead_to_the_root() -> None:
    tree = Parsers(lambda: False).tree("file:///a.py", "python", "def f():\n    return g(x)\n")
    assert tree is not None
    name = tree.root_node.descendant_for_byte_range(22, 23)
    assert name is not None
    kinds = [node.type for node in ancestors(name)]
    assert kinds == ["argument_list", "call", "return_statement", "block", "function_definition", "module"]
    assert not list(ancestors(tree.root_node))


def test_no_walk_up_a_very_deep_tree_goes_all_the_way() -> None:
    tree = Parsers(lambda: False).tree("file:///a.js", "javascript", "`" * 4_000)
    assert tree is not None
    innermost = tree.root_node
    while innermost.children:
        innermost = innermost.children[0]
    assert len(list(ancestors(innermost))) == MOST_LEVELS
