"""Whether a suggestion leaves the text around it better or worse for a parser."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from infill_completion.languages.syntax.grammars import has_grammar, parsed
from infill_completion.languages.syntax.near import BEFORE, near_behind

if TYPE_CHECKING:
    from tree_sitter import Node


def harm(prefix: str, text: str, suffix: str, language_id: str) -> int | None:
    """Return how many syntax errors ``text`` adds between ``prefix`` and ``suffix``; negative where it mends some.

    Only the neighbourhood is parsed, the same with and without the text. None where nothing can be told.
    """
    if not has_grammar(language_id):
        return None
    # Where the text begins matters little: what it lacks counts on both sides.
    before, behind = prefix[-BEFORE:], near_behind(suffix)
    without, with_text = _errors(before + behind, language_id), _errors(before + text + behind, language_id)
    return None if without is None or with_text is None else with_text - without


def breaks(prefix: str, text: str, suffix: str, language_id: str) -> bool:
    """Tell whether ``text`` brings a syntax error into a neighbourhood that has none; False where nothing is known."""
    if not has_grammar(language_id):
        return False
    before, behind = prefix[-BEFORE:], near_behind(suffix)
    return bool(_errors(before + text + behind, language_id)) and _errors(before + behind, language_id) == 0


@lru_cache(maxsize=16)
def _errors(source: str, language_id: str) -> int | None:
    tree = parsed(source.encode("utf-8", "replace"), language_id)
    return None if tree is None else _count(tree.root_node)


def _count(root: Node) -> int:
    found, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if node.has_error:
            found += node.is_error or node.is_missing
            waiting += node.children
    return found
