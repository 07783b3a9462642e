"""Rust's format strings: they name variables, as in ``println!("{a:>width$}")``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

_STRINGS = frozenset({"string_literal", "raw_string_literal"})
# What stands in the string before an argument, and before the name of its width or precision. `{{` is no argument.
_BRACE = re.compile(r"(?<!\{)(?:\{\{)*\{\Z")
_FORMAT = re.compile(r"(?<!\{)(?:\{\{)*\{\w*:[^{}]*\Z")


def is_argument(node: Node, text: str, span: tuple[int, int]) -> bool:
    """Return whether the name between two offsets, which is within ``node``, is an argument of a format string."""
    literal = node.parent
    if literal is None or literal.type not in _STRINGS or not _is_in_macro(literal):
        return False
    before, after = text[literal.start_byte : span[0]], text[span[1] : span[1] + 1]
    if after == "$":
        return _FORMAT.search(before) is not None
    return after in {"}", ":"} and _BRACE.search(before) is not None


def _is_in_macro(literal: Node) -> bool:
    """Return whether a string is an argument of a macro; macros within macros are not parsed."""
    arguments = literal.parent
    if arguments is None or arguments.type != "token_tree":
        return False
    mark = arguments.prev_sibling
    return mark is not None and mark.type == "!"
