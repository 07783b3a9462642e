"""Strings and comments in a syntax tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.languages.language import Grammar
from infill_completion.languages.registry import grammar_of
from infill_completion.languages.syntax.parser import parse

if TYPE_CHECKING:
    from tree_sitter import Node, Tree


def literal_around(tree: Tree, grammar: Grammar, start: int, end: int) -> Node | None:
    """Return the whole string or comment that holds the bytes from ``start`` to ``end``.

    None in code, including code that is interpolated into a string.
    """
    node = tree.root_node.descendant_for_byte_range(start, end)
    found = None
    while node is not None and node.type not in grammar.interpolations:
        if "string" in node.type or "comment" in node.type or node.type in grammar.literals:
            found = node
        elif found is not None:
            break
        node = node.parent
    return found


def unclosed(source: bytes, language_id: str) -> tuple[Tree, int] | None:
    """Return the string or comment that ``source`` ends in, if it may span lines and is not closed.

    A parser reads the text after an opening delimiter that is never closed as code, so each closing delimiter is tried.

    Returns:
        A tree in which the literal is closed, and the byte at which the literal begins; None if there is none.
    """
    grammar = grammar_of(language_id)
    if grammar is None:
        return None
    for opening, closing in grammar.delimiters:
        if opening not in source:
            continue
        tree = parse(source + closing, language_id)
        literal = literal_around(tree, grammar, len(source), len(source) + 1) if tree is not None else None
        if tree is not None and literal is not None and literal.start_byte + len(opening) <= len(source):
            return tree, literal.start_byte
    return None
