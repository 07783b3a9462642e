"""Signatures in JavaScript and TypeScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures.nodes import (
    SourceText,
    end_of_signature,
    inside,
    is_code,
    type_signature,
    with_end,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_CONTAINERS = frozenset({"statement_block"})
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function", "function"})
_CLASSES = frozenset({"class_declaration", "abstract_class_declaration", "class", "interface_declaration"})
_DECLARES = frozenset({"lexical_declaration", "variable_declaration"})


def signatures(root: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    """Yield name and signature of functions, classes, types and variables; the default export is named ``default``."""
    known: dict[str, str] = {}
    default = ""
    for node in inside(root, _CONTAINERS):
        inner = _declared(node)
        for name, signature in _signatures_of(node, inner, source):
            if name:
                known.setdefault(name, signature)
                yield name, signature
            if _is_default(node, source):
                yield "default", signature
        if inner.type == "identifier" and _is_default(node, source):
            default = source.text(inner)
    if default in known:
        yield "default", known[default]


def _declared(node: Node) -> Node:
    """Return the definition in an export, a ``declare`` or an assignment to ``exports``."""
    if node.type == "expression_statement" and node.named_children:
        inner = node.named_children[0]
        if inner.type == "assignment_expression":
            return inner.child_by_field_name("right") or node
        return inner if inner.type == "internal_module" else node
    if node.type == "export_statement":
        inner = node.child_by_field_name("declaration") or node.child_by_field_name("value") or node
        return _declared(inner) if inner.type == "ambient_declaration" else inner
    if node.type == "ambient_declaration" and node.named_children:
        return node.named_children[0]
    return node


def _is_default(node: Node, source: SourceText) -> bool:
    if node.type == "export_statement":
        return any(child.type == "default" for child in node.children)
    return node.type == "expression_statement" and _assigned(node, source) == "module.exports"


def _assigned(node: Node, source: SourceText) -> str:
    return source.text(node.named_children[0].child_by_field_name("left")) if node.named_children else ""


def _signatures_of(node: Node, inner: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    name = source.text(inner.child_by_field_name("name"))
    body = inner.child_by_field_name("body")
    if node.type == "expression_statement" and inner.type != "internal_module":
        target = _assigned(node, source)
        if target == "module.exports" or target.startswith(("exports.", "module.exports.")):
            name = "" if target == "module.exports" else target.rpartition(".")[2]
            if inner.type in _CLASSES and body is not None:
                yield name, type_signature(source, inner, body, shows=lambda child: _is_public(child, source))
            elif inner.type in _FUNCTIONS:
                yield name, with_end(source.between(node.start_byte, end_of_signature(inner)).rstrip(), ";")
            elif inner.type != "identifier":
                yield name, source.first_line(node)
    elif inner.type in _CLASSES and body is not None:
        yield name, type_signature(source, node, body, shows=lambda child: _is_public(child, source))
    elif inner.type == "enum_declaration" and body is not None:
        yield name, type_signature(source, node, body, ending=",")
    elif inner.type in {"internal_module", "module"} and body is not None:
        yield name, type_signature(source, node, body, shows=is_code)
        yield from signatures(body, source)
    elif inner.type == "type_alias_declaration":
        yield name, source.text(node)
    elif inner.type in _DECLARES:
        yield from _variables(node, inner, source)
    elif inner.type in _FUNCTIONS or "function" in inner.type:
        yield name, with_end(source.between(node.start_byte, end_of_signature(inner)).rstrip(), ";")


def _variables(node: Node, inner: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    declarators = [child for child in inner.named_children if child.type == "variable_declarator"]
    for declarator in declarators:
        value = declarator.child_by_field_name("value")
        name = source.text(declarator.child_by_field_name("name"))
        if value is not None and value.type in _FUNCTIONS and len(declarators) == 1:
            yield name, source.between(node.start_byte, end_of_signature(value)).rstrip()
        else:
            yield name, source.first_line(node if len(declarators) == 1 else declarator)


def _is_public(node: Node, source: SourceText) -> bool:
    """Return whether other files may use a member."""
    if not is_code(node) or node.type in {"class_static_block", "decorator"}:
        return False
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    if name is not None and name.type == "private_property_identifier":
        return False
    return not any(
        child.type == "accessibility_modifier" and source.text(child) == "private" for child in node.children
    )
