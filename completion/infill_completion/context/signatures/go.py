"""Signatures in Go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures.nodes import MAX_DEPTH, SourceText, inside, type_signature

if TYPE_CHECKING:
    from tree_sitter import Node

# Items in brackets after a keyword; each of them gets the keyword again.
_SPECS = {
    "type_spec": "type ", "type_alias": "type ", "const_spec": "const ", "var_spec": "var "
}  # fmt: skip
_GROUPS = frozenset({"type_declaration", "const_declaration", "var_declaration", "var_spec_list"})


def signatures(root: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    """Yield name and signature of each definition; the methods of a type come under the name of the type."""
    for node in inside(root, _GROUPS):
        name = source.text(node.child_by_field_name("name"))
        if node.type == "function_declaration":
            yield name, source.signature(node).lstrip()
        elif node.type == "method_declaration":
            yield _receiver(node, source), source.signature(node).lstrip()
        elif node.type in _SPECS:
            names = node.children_by_field_name("name")
            for each in names:
                yield source.text(each), _SPECS[node.type] + _spec(node, source)


def _spec(node: Node, source: SourceText) -> str:
    kind = node.child_by_field_name("type")
    if node.type != "type_spec" or kind is None or kind.type not in {"struct_type", "interface_type"}:
        return source.text(node) if node.type == "type_spec" else source.first_line(node)
    if kind.type == "interface_type":
        return source.text(node)
    body = kind.named_children[0] if kind.named_children else None
    return source.text(node) if body is None else type_signature(source, node, body, ending="")


def _receiver(node: Node, source: SourceText) -> str:
    """Return the name of a method's type."""
    found = node.child_by_field_name("receiver")
    for _ in range(MAX_DEPTH):
        if found is None or found.type == "type_identifier":
            break
        found = found.child_by_field_name("type") or next(
            (child for child in found.named_children if child.type != "identifier"), None
        )
    return source.text(found)
