"""Strings and comments in a syntax tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.languages.syntax.grammars import parsed

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_INTERPOLATION = frozenset({"interpolation", "template_substitution"})
# What begins a string or a comment that may span lines, and what ends it.
_PYTHON = ((b'"""', b'"""'), (b"'''", b"'''"))
_SLASHES = ((b"/*", b"*/"),)
_TICKS = (*_SLASHES, (b"`", b"`"))
_FENCES: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "python": _PYTHON,
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact", "go"), _TICKS),
    **dict.fromkeys(("c", "cpp", "cuda-cpp"), _SLASHES),
    "rust": (*_SLASHES, (b'"', b'"')),
    "java": (*_SLASHES, (b'"""', b'"""')),
}


def literal_around(tree: Tree, start: int, end: int) -> Node | None:
    """Return the whole string or comment that holds the bytes from ``start`` to ``end``.

    None in code, also in code that is put into a string.
    """
    node = tree.root_node.descendant_for_byte_range(start, end)
    found = None
    while node is not None and node.type not in _INTERPOLATION:
        if "string" in node.type or "comment" in node.type or node.type == "preproc_arg":
            found = node
        elif found is not None:
            break
        node = node.parent
    return found


def unclosed(source: bytes, language_id: str) -> tuple[Tree, int] | None:
    """Return where the string or comment begins that ``source`` ends in, if it may span lines and ends nowhere.

    A parser reads the text behind an opening mark without its end as code, so the end is tried out. The tree that
    comes with it has the literal as one.
    """
    for begin, finish in _FENCES.get(language_id, ()):
        if begin not in source:
            continue
        tree = parsed(source + finish, language_id)
        literal = literal_around(tree, len(source), len(source) + 1) if tree is not None else None
        if tree is not None and literal is not None and literal.start_byte + len(begin) <= len(source):
            return tree, literal.start_byte
    return None
