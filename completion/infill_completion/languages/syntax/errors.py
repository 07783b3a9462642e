"""Syntax errors that a suggestion brings into the text around it, or removes from it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.document.window import Window
from infill_completion.languages.syntax.near import excerpt_of
from infill_completion.languages.syntax.parser import has_grammar, parse

if TYPE_CHECKING:
    from tree_sitter import Node


def added_errors(window: Window, text: str, replaced: int, language_id: str) -> int | None:
    """Return how many syntax errors a suggestion adds to the text around it; negative if it removes some.

    Args:
        window: The text around the cursor.
        text: The suggestion.
        replaced: How many characters right of the cursor it replaces.
        language_id: LSP's language id.

    Returns:
        The difference; None if unknown.
    """
    excerpt = excerpt_of(window) if has_grammar(language_id) else None
    if excerpt is None:
        return None
    before, after = excerpt
    without = _errors(before + after[replaced:], language_id)
    with_text = _errors(before + text + after[replaced:], language_id)
    return None if without is None or with_text is None else with_text - without


def breaks_syntax(window: Window, text: str, replaced: int, language_id: str) -> bool:
    """Return whether a suggestion brings a syntax error into surroundings that have none; False if unknown."""
    excerpt = excerpt_of(window) if has_grammar(language_id) else None
    if excerpt is None:
        return False
    before, after = excerpt.before, excerpt.after[replaced:]
    return bool(_errors(before + text + after, language_id)) and _errors(before + after, language_id) == 0


@lru_cache(maxsize=16)
def _errors(source: str, language_id: str) -> int | None:
    tree = parse(source.encode("utf-8", "replace"), language_id)
    return None if tree is None else _count(tree.root_node)


def _count(root: Node) -> int:
    found, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if node.has_error:
            found += node.is_error or node.is_missing
            waiting += node.children
    return found
