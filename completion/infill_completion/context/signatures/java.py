"""Signatures in Java."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures.nodes import SourceText, inside, is_code, type_signature

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPES = frozenset(
    {"class_declaration", "interface_declaration", "enum_declaration", "record_declaration",
     "annotation_type_declaration"}
)  # fmt: skip


def signatures(root: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    """Yield name and signature of each type in a file, without private members."""
    for node in inside(root, frozenset()):
        body = node.child_by_field_name("body")
        if node.type in _TYPES and body is not None:
            name = source.text(node.child_by_field_name("name"))
            if node.type == "enum_declaration":
                yield (
                    name,
                    type_signature(source, node, body, ending=",", shows=lambda child: child.type == "enum_constant"),
                )
                continue
            yield name, type_signature(source, node, body, shows=lambda child: _is_shown(child, source))


def _is_shown(node: Node, source: SourceText) -> bool:
    if not is_code(node) or node.type in {"block", "static_initializer"}:
        return False
    first = node.named_children[0] if node.named_children else None
    return first is None or first.type != "modifiers" or "private" not in source.text(first).split()
