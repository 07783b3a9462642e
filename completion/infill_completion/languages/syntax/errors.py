"""Syntax errors that a suggestion brings into the text around it, or removes from it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.languages.syntax.near import MOST_BEFORE, near_after
from infill_completion.languages.syntax.parser import has_grammar, parse

if TYPE_CHECKING:
    from tree_sitter import Node


def added_errors(prefix: str, text: str, suffix: str, language_id: str) -> int | None:
    """Return how many syntax errors ``text`` adds between ``prefix`` and ``suffix``; negative if it removes some.

    Only the text nearby is parsed, the same with and without the suggestion. None if unknown.
    """
    if not has_grammar(language_id):
        return None
    # It hardly matters where the parsed text begins: errors of a bad start count on both sides.
    before, after = prefix[-MOST_BEFORE:], near_after(suffix)
    without, with_text = _errors(before + after, language_id), _errors(before + text + after, language_id)
    return None if without is None or with_text is None else with_text - without


def breaks_syntax(prefix: str, text: str, suffix: str, language_id: str) -> bool:
    """Return whether ``text`` brings a syntax error into surroundings that have none; False if unknown."""
    if not has_grammar(language_id):
        return False
    before, after = prefix[-MOST_BEFORE:], near_after(suffix)
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
