"""Signatures in C and C++."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures.nodes import MAX_DEPTH, SourceText, inside, is_code, type_signature, with_end

if TYPE_CHECKING:
    from tree_sitter import Node

_CONTAINERS = frozenset(
    {"preproc_ifdef", "preproc_if", "preproc_else", "preproc_elif", "namespace_definition", "linkage_specification",
     "declaration_list"}
)  # fmt: skip
_TYPES = frozenset({"struct_specifier", "class_specifier", "union_specifier", "enum_specifier"})
_NAMES = frozenset({"identifier", "field_identifier", "type_identifier", "operator_name"})


def signatures(root: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    """Yield name and signature of each definition in a header; an enumerator has the signature of its enumeration."""
    for node in inside(root, _CONTAINERS):
        inner = node
        if node.type == "template_declaration" and node.named_children:
            inner = node.named_children[-1]
        if inner.type in {"preproc_def", "preproc_function_def"}:
            if inner.child_by_field_name("value") is not None:  # Without a value it is an include guard.
                yield source.text(inner.child_by_field_name("name")), source.first_line(inner)
        elif inner.type in _TYPES:
            yield from _type(node, inner, source, "};")
        elif inner.type in {"declaration", "type_definition", "function_definition"}:
            yield from _declaration(node, inner, source)
        elif inner.type == "alias_declaration":
            yield source.text(inner.child_by_field_name("name")), source.text(node)


def _declaration(node: Node, inner: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    kind = inner.child_by_field_name("type")
    names = [_name(child, source) for child in inner.children_by_field_name("declarator")]
    if kind is not None and kind.type in _TYPES and kind.child_by_field_name("body") is not None:
        closing = f"}} {', '.join(name for name in names if name)};"
        for name, signature in _type(node, kind, source, closing):
            yield name, signature
            yield from ((other, signature) for other in names)
        return
    signature = with_end(source.signature(node).lstrip(), ";")
    yield from ((name, signature) for name in names)


def _type(node: Node, inner: Node, source: SourceText, closing: str) -> Iterator[tuple[str, str]]:
    body = inner.child_by_field_name("body")
    if body is None:  # A forward declaration has no members.
        return
    name = source.text(inner.child_by_field_name("name"))
    if inner.type == "enum_specifier":
        signature = type_signature(source, node, body, ending=",", closing=closing)
        for enumerator in body.named_children:
            yield source.text(enumerator.child_by_field_name("name")), signature
    else:
        signature = type_signature(source, node, body, closing=closing, shows=_is_shown)
    yield name or "_", signature


def _is_shown(node: Node) -> bool:
    return is_code(node) and not node.type.startswith("preproc")


def _name(declarator: Node | None, source: SourceText) -> str:
    """Return the name that a declarator, such as ``*name[3]`` or ``(*name)(int)``, declares."""
    for _ in range(MAX_DEPTH):
        if declarator is None or declarator.type in _NAMES:
            break
        declarator = (
            declarator.child_by_field_name("declarator")
            or declarator.child_by_field_name("name")
            or (declarator.named_children[0] if declarator.named_children else None)
        )
    return source.text(declarator)
