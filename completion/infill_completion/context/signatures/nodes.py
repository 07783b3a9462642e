"""Shared by all languages: the text of a node up to its body, and the signature of a type."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

# Definitions in namespaces and conditions are found down to this depth; people hardly nest deeper.
MAX_DEPTH = 12
# A longer line is data.
MAX_LINE = 240
_INDENT = "    "


class SourceText:
    """A text in UTF-8, by the byte offsets of nodes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def text(self, node: Node | None) -> str:
        """Return the text of a node; empty for None."""
        return "" if node is None else self.between(node.start_byte, node.end_byte)

    def between(self, start: int, end: int) -> str:
        """Return the text between two byte offsets."""
        return self._data[start:end].decode("utf-8", "replace")

    def signature(self, node: Node) -> str:
        """Return a node's text, indented as its first line, without its body or a value of several lines."""
        line = self._data.rfind(b"\n", 0, node.start_byte) + 1
        before = self.between(line, node.start_byte)
        start = _INDENT if before.strip() else before
        return start + self.between(node.start_byte, end_of_signature(node)).rstrip()

    def first_line(self, node: Node) -> str:
        """Return the first line of a node's text."""
        return self.text(node).partition("\n")[0].rstrip()[:MAX_LINE]


def end_of_signature(node: Node) -> int:
    """Return the byte offset of a definition's body, or of a value of several lines; else of the node's end."""
    inner: Node | None = node
    while inner is not None:
        body = inner.child_by_field_name("body")
        if body is not None and inner.type != "enum_variant" and body.type != "ordered_field_declaration_list":
            above = body.prev_named_sibling
            return above.start_byte if above is not None and above.type == "field_initializer_list" else body.start_byte
        value = inner.child_by_field_name("value")
        if value is not None and value.start_point.row != value.end_point.row:
            sign = value.prev_sibling
            return sign.start_byte if sign is not None and sign.type == "=" else value.start_byte
        inner = inner.child_by_field_name("declarator") or _wrapped(inner)
    return node.end_byte


def _wrapped(node: Node) -> Node | None:
    if node.type in {"decorated_definition", "template_declaration", "export_statement"}:
        return node.named_children[-1] if node.named_children else None
    return None


def is_code(node: Node) -> bool:
    """Return whether a node is neither a comment nor an attribute."""
    return "comment" not in node.type and node.type != "attribute_item"


def type_signature(
    source: SourceText,
    node: Node,
    body: Node,
    *,
    start: int | None = None,
    ending: str = ";",
    closing: str = "}",
    shows: Callable[[Node], bool] = is_code,
) -> str:
    """Return the signature of a type: its first lines, the signatures of its members, and its closing bracket.

    Args:
        source: The text.
        node: The type's definition.
        body: The node whose children are the members.
        start: The byte offset at which the definition begins, if not with ``node``.
        ending: Follows a member that has no end mark.
        closing: Follows the last member; empty in a language without brackets.
        shows: Whether a member belongs to the signature.
    """
    first = node.start_byte if start is None else start
    opening = source.between(first, body.start_byte + 1 if closing else body.start_byte).rstrip()
    members = (with_end(source.signature(child), ending) for child in body.named_children if shows(child))
    lines = "\n".join(textwrap.dedent(member) for member in members if len(member) <= 4 * MAX_LINE)
    inner = textwrap.indent(lines, _INDENT) if lines.strip() else ""
    return "\n".join(part for part in (opening, inner, closing) if part)


def with_end(signature: str, ending: str) -> str:
    """Return ``signature`` with ``ending`` unless it has an end mark; ``public`` and the like end with a colon."""
    if signature.strip() in {"public", "protected", "private"}:
        return f"{signature}:"
    return signature if not ending or signature.endswith((";", ",", ":")) else signature + ending


def inside(root: Node, containers: frozenset[str], depth: int = 0) -> Iterator[Node]:
    """Yield the nodes below ``root`` and inside its containers, in the order of the text; not the containers."""
    for child in root.named_children:
        if child.type in containers or child.is_error:
            if depth < MAX_DEPTH:
                yield from inside(child, containers, depth + 1)
        else:
            yield child
