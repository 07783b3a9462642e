"""Where the cursor stands: in a string, in a comment, in a body that nobody has written yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.document.lines import indent_width
from infill_completion.document.window import Window
from infill_completion.languages.syntax.grammars import has_grammar, parsed
from infill_completion.languages.syntax.literals import literal_around, unclosed
from infill_completion.languages.syntax.near import near_before, near_behind

if TYPE_CHECKING:
    from tree_sitter import Node

# A statement in every language that has a grammar here.
_PROBE = b"x();"
_BODIES = frozenset({"block", "statement_block", "compound_statement", "constructor_body"})
_LISTS = frozenset({"statement_list"})


def is_in_text(window: Window, language_id: str) -> bool:
    """Tell whether the cursor surely stands in a string or a comment, but not behind code and a remark on its line."""
    before = _before(window, language_id)
    tree = parsed(before + _behind(window), language_id) if before else None
    if tree is None or not before:
        return False
    literal = literal_around(tree, len(before) - 1, len(before))
    if literal is not None:
        if literal.end_byte > len(before):
            return True
        line = before[before.rfind(b"\n", 0, literal.start_byte) + 1 : literal.start_byte]
        return "comment" in literal.type and not line.strip() and not before.endswith((b"*/", b"\n"))
    return tree.root_node.has_error and unclosed(before, language_id) is not None


def untouched_body(window: Window, language_id: str) -> int | None:
    """Return the columns of indentation of the line that opens the body around the cursor, where the body holds
    nothing but comments and a docstring; None elsewhere, or where it cannot be told. The cursor stands on a blank line.
    """  # noqa: D205
    before = _before(window, language_id)
    if not before:
        return None
    source = before + _PROBE + _behind(window)
    tree = parsed(source, language_id)
    node = tree.root_node.descendant_for_byte_range(len(before), len(before) + 1) if tree is not None else None
    while node is not None and node.type not in _BODIES | _LISTS:
        node = node.parent
    seen = 0
    while node is not None and node.type in _BODIES | _LISTS:
        others = [child for child in node.named_children if not _holds(child, len(before))]
        if any(not _is_remark(child, place) for place, child in enumerate(others)):
            return None
        above = node.prev_named_sibling  # Some grammars put a first comment in front of the body.
        seen += len(others) + (above is not None and "comment" in above.type)
        if node.type in _BODIES:
            return _header_width(source, node) if seen else None
        node = node.parent
    return None


def _before(window: Window, language_id: str) -> bytes | None:
    if not has_grammar(language_id):
        return None
    before = near_before(window.prefix, is_whole=window.starts_document)
    return None if before is None else before.encode("utf-8", "replace")


def _behind(window: Window) -> bytes:
    return near_behind(window.suffix).encode("utf-8", "replace")


def _holds(node: Node, place: int) -> bool:
    return node.start_byte <= place < node.end_byte


def _is_remark(node: Node, place: int) -> bool:
    """Tell whether a statement does nothing: a comment, or a docstring at the body's beginning."""
    if "comment" in node.type:
        return True
    inner = node.named_children
    return place == 0 and node.type == "expression_statement" and len(inner) == 1 and inner[0].type == "string"


def _header_width(source: bytes, body: Node) -> int | None:
    if body.parent is None:
        return None
    start = source.rfind(b"\n", 0, body.parent.start_byte) + 1
    return indent_width(source[start : body.start_byte].decode("utf-8", "replace"))
