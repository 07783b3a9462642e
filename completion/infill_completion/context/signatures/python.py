"""Signatures in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from infill_completion.context.signatures.nodes import MAX_LINE, SourceText, inside, type_signature

if TYPE_CHECKING:
    from tree_sitter import Node

_CONTAINERS = frozenset(
    {"if_statement", "elif_clause", "else_clause", "try_statement", "except_clause", "finally_clause", "with_statement",
     "block"}
)  # fmt: skip
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*[ \t]*=")


def signatures(root: Node, source: SourceText) -> Iterator[tuple[str, str]]:
    """Yield name and signature of a module's functions, classes and variables, including those under conditions."""
    for node in inside(root, _CONTAINERS):
        inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
        if inner is None:
            continue
        name = source.text(inner.child_by_field_name("name"))
        body = inner.child_by_field_name("body")
        if inner.type == "class_definition" and body is not None:
            shown = type_signature(
                source, inner, body, ending="", closing="", shows=lambda child: _is_member(child, source)
            )
            yield name, _decorators(node, source) + shown
        elif inner.type == "function_definition":
            yield name, _decorators(node, source) + source.signature(inner).lstrip()
        elif inner.type == "type_alias_statement":
            yield source.text(inner.child_by_field_name("left")), source.first_line(inner)
        elif inner.type == "expression_statement" and inner.named_children:
            left = inner.named_children[0].child_by_field_name("left")
            if left is not None and left.type == "identifier":
                yield source.text(left), source.first_line(inner)


def _decorators(node: Node, source: SourceText) -> str:
    """Return the decorators of one line, since they change how a definition is used, as a property or a data class."""
    lines = (source.text(child) for child in node.named_children if child.type == "decorator")
    return "".join(f"{line}\n" for line in lines if "\n" not in line and len(line) <= MAX_LINE)


def _is_member(node: Node, source: SourceText) -> bool:
    if node.type in {"function_definition", "class_definition", "decorated_definition"}:
        return True
    if node.type != "expression_statement" or not node.named_children or node.named_children[0].type != "assignment":
        return False
    is_annotated = node.named_children[0].child_by_field_name("type") is not None
    return is_annotated or _CONSTANT.match(source.first_line(node)) is not None
