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
MOST_BEFORE = 6000
MOST_AFTER = 2000
# An excerpt is larger only where nothing can be left out, such as in a long string; then there is none.
_MOST_CHARACTERS = 32_000
# Nodes from the root to the cursor; code that people write has a few dozen.
_MOST_LEVELS = 500
# Children of an error that are looked through.
_MOST_IN_ERROR = 1000
_SEPARATORS = frozenset({",", ";"})
_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}


def cut_excerpt(root: Node, text: str, offset: int, lists: frozenset[str]) -> Excerpt | None:
    """Return the excerpt of ``text`` around ``offset``.

    Args:
        root: The root of the syntax tree, which counts code points.
        text: The document.
        offset: The cursor, in code points.
        lists: Nodes of which children may be left out.

    Returns:
        The excerpt; None if too little can be left out.
    """
    before, after = _before(root, text, offset, lists), _after(root, text, offset, lists)
    if before is None or after is None or max(len(before), len(after)) > _MOST_CHARACTERS:
        return None
    return Excerpt(to_lf(before), to_lf(after))


def _before(root: Node, text: str, offset: int, lists: frozenset[str]) -> str | None:
    """Return the part before the cursor: the beginnings of all nodes around it, then what is near."""
    line, earliest = text.rfind("\n", 0, offset) + 1, offset - MOST_BEFORE
    if earliest <= 0:
        return text[:offset]
    pieces: list[str] = []
    node = root
    for level in range(_MOST_LEVELS):
        is_list = level == 0 or node.type in lists or node.is_error
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
            return _joined([*pieces, text[node.start_byte : offset]])
        while child is not None and not child.is_named and child.start_byte < line:
            child = child.next_sibling
        start = line if child is None else min(child.start_byte, line)
        return _joined([*pieces, _head(node, text, earliest), text[_line_start(text, start) : offset]])
    return None


def _after(root: Node, text: str, offset: int, lists: frozenset[str]) -> str | None:
    """Return the part after the cursor: what is near, then the ends of all nodes around the cursor."""
    line_end, latest = text.find("\n", offset), offset + MOST_AFTER
    if latest >= len(text):
        return text[offset:]
    if not 0 <= line_end < latest:
        line_end = latest
    tails: list[str] = []
    node = root
    for level in range(_MOST_LEVELS):
        is_list = level == 0 or node.type in lists or node.is_error
        child = _child_after(node, latest)
        if child is not None and child.start_byte <= line_end:
            tails.append(_tail(node, text, latest) if is_list else text[child.end_byte : node.end_byte])
            node = child
            continue
        if not is_list:
            near = text[offset : max(node.end_byte, line_end)]
        else:
            end = latest if child is None else min(child.start_byte, latest)
            near = text[offset : max(_line_start(text, end), line_end)].rstrip(" \t\r\n").removesuffix(",")
            near += "\n" + _tail(node, text, latest)
        return "".join([near, *reversed(tails)])
    return None


def _child_after(node: Node, offset: int) -> Node | None:
    """Return the first child that ends after ``offset``.

    The method of the library for this, ``first_child_for_byte``, ends the process where there is no such child.
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
        return _open_brackets(node, earliest)
    if node.type.startswith("preproc"):
        return text[node.start_byte : text.find("\n", node.start_byte) + 1]
    first = next((child for index in range(4) if (child := node.child(index)) is not None and child.is_named), None)
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


def _open_brackets(error: Node, end: int) -> str:
    """Return the brackets that are open at ``end`` in code that the parser could not make sense of."""
    if error.child_count > _MOST_IN_ERROR:
        return ""
    found: list[str] = []
    for child in error.children:
        if child.start_byte >= end:
            break
        if child.type in _CLOSER_OF:
            found.append(child.type)
        elif found and child.type == _CLOSER_OF[found[-1]]:
            found.pop()
    return "".join(found)


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
