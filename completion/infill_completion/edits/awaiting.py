"""A function that becomes asynchronous, and the calls that now have to wait for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infill_completion.edits.examples import Example

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

Place = tuple[int, int, str]
_LANGUAGES = frozenset({"python", "javascript", "javascriptreact", "typescript", "typescriptreact", "rust"})
_CALLS = frozenset({"call", "call_expression"})
_FUNCTIONS = frozenset(
    {
        "function_definition", "function_declaration", "function_expression", "arrow_function", "method_definition",
        "function_item", "lambda", "closure_expression",
    }
)  # fmt: skip
_MODIFIERS = frozenset({"def", "function", "fn", "pub", "static", "unsafe"})
_WAITS = frozenset({"await", "await_expression"})


def made_async(example: Example, language_id: str) -> str | None:
    """Return the name of the function to which the user has just added ``async``; None if it is another change."""
    if language_id not in _LANGUAGES or [token.text for token in example.new] != ["async"] or example.old:
        return None
    following = example.after[len(example.after) - example.same :]
    name = next((token.text for token in following if token.text not in _MODIFIERS), "")
    return name if name.isidentifier() else None


def calls_to_await(tree: Tree, text: str, name: str, language_id: str) -> list[Place]:
    """Return where ``await`` is missing: at calls of ``name`` in asynchronous functions.

    Args:
        tree: The tree of the text, with one byte for each character.
        text: The document.
        name: The function.
        language_id: LSP's language id.
    """
    found: list[Place] = []
    for match in re.finditer(rf"(?<![\w$]){re.escape(name)}(?=\s*\()", text):
        call = _call_of(tree.root_node.named_descendant_for_byte_range(match.start(), match.end()))
        if call is None or (call.parent is not None and call.parent.type in _WAITS) or not _is_in_async(call):
            continue
        if language_id == "rust":
            found.append((call.end_byte, call.end_byte, ".await"))
        else:
            found.append((call.start_byte, call.start_byte, "await "))
    return found


def _call_of(node: Node | None) -> Node | None:
    """Return the call of the function that ``node`` names; None if it is not called there."""
    while node is not None and node.parent is not None:
        parent = node.parent
        if parent.type in _CALLS:
            return parent if parent.child_by_field_name("function") == node else None
        if parent.type not in {"attribute", "member_expression", "field_expression", "scoped_identifier"}:
            return None
        if parent.end_byte != node.end_byte:  # a receiver
            return None
        node = parent
    return None


def _is_in_async(node: Node) -> bool:
    """Return whether the function around a node is asynchronous."""
    around = node.parent
    while around is not None and around.type not in _FUNCTIONS:
        around = around.parent
    if around is None:
        return False
    modifiers = [child for child in around.children[:3] if child.type in {"async", "function_modifiers"}]
    return any(b"async" in (child.text or b"").split() for child in modifiers)
