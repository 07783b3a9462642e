"""Signatures in Rust."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures.nodes import SourceText, inside, type_signature, with_end

if TYPE_CHECKING:
    from tree_sitter import Node

_CONTAINERS = frozenset({"declaration_list", "foreign_mod_item"})
_LISTS = frozenset({"field_declaration_list", "enum_variant_list"})


def signatures(root: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    """Yield name and signature of each definition; what a type implements comes under the name of the type."""
    for node in inside(root, _CONTAINERS):
        name = source.text(node.child_by_field_name("name"))
        body = node.child_by_field_name("body")
        if node.type == "mod_item":
            if body is not None:
                yield from signatures(body, source)
        elif node.type == "impl_item":
            if body is not None:
                yield _implementor(node, source), _implementation(node, body, source)
        elif node.type == "macro_definition":
            yield name, f"macro_rules! {name}"
        elif node.type == "trait_item" and body is not None:
            yield name, type_signature(source, node, body)
        elif body is not None and body.type in _LISTS:
            yield name, type_signature(source, node, body, ending=",")
        elif name:
            yield name, with_end(source.signature(node).lstrip(), ";")


def _implementation(node: Node, body: Node, source: SourceText) -> str:
    if node.child_by_field_name("trait") is not None:  # The trait has the signatures.
        return source.signature(node).lstrip() + " {}"
    return type_signature(source, node, body)


def _implementor(node: Node, source: SourceText) -> str:
    found = node.child_by_field_name("type")
    if found is not None and found.type == "generic_type":
        found = found.child_by_field_name("type")
    return source.text(found)
