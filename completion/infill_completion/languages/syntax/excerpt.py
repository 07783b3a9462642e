"""Cuts an excerpt out of a document where its syntax tree allows it.

The excerpt holds what encloses the cursor, such as ``class A {`` and its ``}``, and what is near the cursor. Whole
statements, members and elements that are farther away are left out. So it has the document's structure around the
cursor and no errors of its own, and its size does not depend on the document's.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from infill_completion.document.lines import to_lf
from infill_completion.document.window import Excerpt

if TYPE_CHECKING:
    from tree_sitter import Node

# Characters before and after the cursor. A parser reads a few thousand in a millisecond.
MAX_BEFORE = 6000
MAX_AFTER = 2000
# An excerpt is larger only where nothing can be left out, such as in a long string; then there is none.
_MAX_CHARACTERS = 32_000
# Nodes from the root to the cursor; code that people write has a few dozen.
_MAX_LEVELS = 500
# Children of an error that are looked through.
_MAX_IN_ERROR = 1000
# Children before the first element of a list: its brackets and keywords.
_MAX_HEAD_CHILDREN = 4
_SEPARATORS = frozenset({",", ";"})


def cut_excerpt(
    root: Node,
    text: str,
    offset: int,
    lists: frozenset[str],
    most_before: int = MAX_BEFORE,
    most_after: int = MAX_AFTER,
) -> Excerpt | None:
    """Return the excerpt of ``text`` around ``offset``.

    Args:
        root: The root of the syntax tree, which counts code points.
        text: The document.
        offset: The cursor, in code points.
        lists: Nodes of which children may be left out.
        most_before: How many characters before the cursor are near.
        most_after: How many characters after it are near.

    Returns:
        The excerpt; None if too little can be left out.
    """
    above, before = _before(root, text, offset, lists, most_before)
    below, after = _after(root, text, offset, lists, most_after)
    if before is None or after is None or max(len(before), len(after)) > _MAX_CHARACTERS:
        return None
    # Errors elsewhere, in blocks that do not hold the cursor, are of no concern.
    hides_errors = any(node.has_error for node in (*above[1:], *below[1:]))
    return Excerpt(to_lf(before), to_lf(after), hides_errors)


def _before(root: Node, text: str, offset: int, lists: frozenset[str], most: int) -> tuple[list[Node], str | None]:
    """Return the part before the cursor: the beginnings of all nodes around it, then what is near.

    Returns:
        The nodes around the cursor that it is cut in, and the part; None if there are too many nodes.
    """
    line, earliest = text.rfind("\n", 0, offset) + 1, offset - most
    if earliest <= 0:
        return [], text[:offset]
    pieces: list[str] = []
    around: list[Node] = []
    node = root
    while len(around) < _MAX_LEVELS:
        around.append(node)
        is_list = node == root or node.type in lists or node.is_error
        child = _child_after(node, earliest)
        if child is not None and child.start_byte < earliest:
            following = _child_after(node, child.end_byte)
            # The last child before the cursor's line may go on there; in Python nothing marks its end.
            if following is None or following.start_byte >= line or child.end_byte > line:
                pieces.append(_head(node, text, earliest) if is_list else text[node.start_byte : child.start_byte])
                node = child
                continue
            child = following
        if not is_list:
            return around, _joined([*pieces, text[node.start_byte : offset]])
        while child is not None and not child.is_named and child.start_byte < line:
            child = child.next_sibling
        start = line if child is None else min(child.start_byte, line)
        return around, _joined([*pieces, _head(node, text, earliest), text[_line_start(text, start) : offset]])
    return around, None


def _after(root: Node, text: str, offset: int, lists: frozenset[str], most: int) -> tuple[list[Node], str | None]:
    """Return the part after the cursor: what is near, then the ends of all nodes around the cursor.

    Returns:
        As `_before`.
    """
    line_end, latest = text.find("\n", offset), offset + most
    if latest >= len(text):
        return [], text[offset:]
    if not 0 <= line_end < latest:
        line_end = latest
    tails: list[str] = []
    around: list[Node] = []
    node = root
    while len(around) < _MAX_LEVELS:
        around.append(node)
        is_list = node == root or node.type in lists or node.is_error
        child = _child_after(node, latest)
        if child is not None and child.start_byte <= line_end:
            if is_list:
                tails.append(_semicolon(node, child, text) + _tail(node, text, latest))
            else:
                tails.append(text[child.end_byte : node.end_byte])
            node = child
            continue
        if not is_list:
            near = text[offset : max(node.end_byte, line_end)]
        else:
            end = latest if child is None else min(child.start_byte, latest)
            near = text[offset : max(_line_start(text, end), line_end)].rstrip(" \t\r\n").removesuffix(",")
            near += "\n" + _tail(node, text, latest)
        return around, "".join([near, *reversed(tails)])
    return around, None


def _child_after(node: Node, offset: int) -> Node | None:
    """Return the first child that ends after ``offset``.

    The method of the library for this, ``first_child_for_byte``, crashes the process if there is no such child.
    """
    index = bisect_right(range(node.child_count), offset, key=lambda number: _child(node, number).end_byte)
    return node.child(index) if index < node.child_count else None


def _child(node: Node, index: int) -> Node:
    child = node.child(index)
    assert child is not None
    return child


def _head(node: Node, text: str, earliest: int) -> str:
    """Return the beginning of a list: what is before its first element."""
    if node.is_error:
        return _open_braces(node, earliest)
    if node.type.startswith("preproc"):
        return text[node.start_byte : text.find("\n", node.start_byte) + 1]
    # The library raises for an index without a child: a document of blank lines has none.
    children = (_child(node, index) for index in range(min(_MAX_HEAD_CHILDREN, node.child_count)))
    first = next((child for child in children if child.is_named), None)
    return "" if first is None else text[node.start_byte : first.start_byte]


def _tail(node: Node, text: str, latest: int) -> str:
    """Return the end of a list: what is after its last element, without a separator."""
    start, index = node.end_byte, node.child_count - 1
    while not node.is_error and index >= 0:
        last = _child(node, index)
        if last.is_named or last.type in _SEPARATORS or last.start_byte < latest:
            break
        start, index = last.start_byte, index - 1
    return text[start : node.end_byte] + "\n"


def _semicolon(node: Node, child: Node, text: str) -> str:
    """Return the semicolon after ``child``, which in C++ is not part of the class that it ends."""
    following = _child_after(node, child.end_byte)
    return text[child.end_byte : following.end_byte] if following is not None and following.type == ";" else ""


def _open_braces(error: Node, end: int) -> str:
    """Return the braces open at ``end`` in code that the parser does not understand: blocks that are not closed yet."""
    if error.child_count > _MAX_IN_ERROR:
        return ""
    count = 0
    for child in error.children:
        if child.start_byte >= end:
            break
        count = max(count + (child.type == "{") - (child.type == "}"), 0)
    return "{" * count


def _line_start(text: str, start: int) -> int:
    """Return the start of the line if only blanks precede ``start`` on it, else ``start``."""
    line = text.rfind("\n", 0, start) + 1
    return start if text[line:start].strip() else line


def _joined(pieces: list[str]) -> str:
    """Join pieces of which each but the first may begin with its line's indentation."""
    text = ""
    for piece in pieces:
        head = text.rstrip(" \t")
        if piece[:1].isspace() and (not head or head.endswith(("\n", "\r"))):
            text = head
        text += piece
    return text
