"""Syntax at the cursor: in a string or comment, or in a body that is still to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.document.lines import indent_width
from infill_completion.document.window import Window
from infill_completion.languages.registry import grammar_of
from infill_completion.languages.syntax.literals import literal_around, unclosed
from infill_completion.languages.syntax.near import excerpt_of
from infill_completion.languages.syntax.parser import has_grammar, parse

if TYPE_CHECKING:
    from tree_sitter import Node

# A statement in every language that has a grammar here.
_PROBE = b"x();"


def is_in_string_or_comment(window: Window, language_id: str) -> bool:
    """Return whether the cursor surely is in a string or a comment; not after code and a comment on its line."""
    grammar, (before, after) = grammar_of(language_id), around(window, language_id)
    tree = parse(before + after, language_id) if before else None
    if grammar is None or tree is None:
        return False
    literal = literal_around(tree, grammar, len(before) - 1, len(before))
    if literal is not None:
        if literal.end_byte > len(before):
            return True
        line = before[before.rfind(b"\n", 0, literal.start_byte) + 1 : literal.start_byte]
        return "comment" in literal.type and not line.strip() and not before.endswith((b"*/", b"\n"))
    return tree.root_node.has_error and unclosed(before, language_id) is not None


def untouched_body(window: Window, language_id: str) -> int | None:
    """Return the indentation of the line that opens the body around the cursor, if the body is still to be written.

    Such a body holds nothing but comments and a docstring. The cursor must be on a blank line.

    Returns:
        Columns; None for any other body, or if unknown.
    """
    grammar, (before, after) = grammar_of(language_id), around(window, language_id)
    if grammar is None or not before:
        return None
    source = before + _PROBE + after
    tree = parse(source, language_id)
    node = tree.root_node.descendant_for_byte_range(len(before), len(before) + 1) if tree is not None else None
    containers = grammar.bodies | grammar.statement_lists
    while node is not None and node.type not in containers:
        node = node.parent
    seen = 0
    while node is not None and node.type in containers:
        others = [child for child in node.named_children if not _holds(child, len(before))]
        if any(not _is_remark(child, index) for index, child in enumerate(others)):
            return None
        above = node.prev_named_sibling  # Some grammars put a first comment in front of the body.
        seen += len(others) + (above is not None and "comment" in above.type)
        if node.type in grammar.bodies:
            return _header_width(source, node) if seen else None
        node = node.parent
    return None


def around(window: Window, language_id: str) -> tuple[bytes, bytes]:
    """Return the text before and after the cursor in UTF-8; both are empty if no parser would understand it."""
    excerpt = excerpt_of(window, language_id) if has_grammar(language_id) else None
    if excerpt is None:
        return b"", b""
    return excerpt.before.encode("utf-8", "replace"), excerpt.after.encode("utf-8", "replace")


def _holds(node: Node, offset: int) -> bool:
    return node.start_byte <= offset < node.end_byte


def _is_remark(node: Node, index: int) -> bool:
    """Return whether a statement does nothing: a comment, or a docstring at the beginning of the body."""
    if "comment" in node.type:
        return True
    inner = node.named_children
    return index == 0 and node.type == "expression_statement" and len(inner) == 1 and inner[0].type == "string"


def _header_width(source: bytes, body: Node) -> int | None:
    if body.parent is None:
        return None
    start = source.rfind(b"\n", 0, body.parent.start_byte) + 1
    return indent_width(source[start : body.start_byte].decode("utf-8", "replace"))
