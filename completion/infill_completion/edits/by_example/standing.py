"""What a replacement would mean where it is put, as far as the names in it tell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.by_example.likeness import around
from infill_completion.edits.by_example.neighbours import loosest, neighbours
from infill_completion.edits.by_example.patterns import EditPattern, Match
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.names.occurrences import occurrences, scopes_around
from infill_completion.edits.names.rules import NameRules, rules_of
from infill_completion.edits.tokens import DOTS, LexemeKind, tokens_of
from infill_completion.edits.words import KEYWORDS

if TYPE_CHECKING:
    from tree_sitter import Node

UNKNOWN = "a name in it is not known there"
CALLS_ITSELF = "the function would call itself"
BINDS_OTHERWISE = "an operator beside it would bind otherwise"
OTHER_VALUES = "the values on its line are others, so that the one which comes in may be another too"
_VALUES = frozenset({LexemeKind.NUMBER, LexemeKind.STRING})
_BEGIN_VALUES = frozenset("\"'`0123456789")
_ASSIGNS = frozenset({"=", ":="})


class Standing:
    """Judges where a pattern may be applied.

    Args:
        pattern: The pattern.
        document: The document.
        example: The offset of the example in the document; None if it is in another one.
    """

    def __init__(self, pattern: EditPattern, document: EditedDocument, example: int | None) -> None:
        self._document, self._example = document, example
        self._language_id = document.request.language_id
        self._pattern = pattern
        self._old = frozenset(item for item in pattern.old if isinstance(item, str))
        self._new = [item for item in pattern.new if isinstance(item, str)]

    def objection(self, match: Match) -> str:
        """Return why a match is left out; empty if nothing speaks against it."""
        if self._binds_otherwise(match):
            return BINDS_OTHERWISE
        if self._pattern.examples == 1 and self._brings_value and self._values_around(match) != self._values:
            return OTHER_VALUES
        tree, rules = self._document.tree, rules_of(self._language_id)
        place = None if tree is None else tree.root_node.descendant_for_byte_range(match.start, match.start)
        if place is None or rules is None or not (self._callable or self._locals):
            return ""
        if not self._callable.isdisjoint(_functions(place, rules)):
            return CALLS_ITSELF
        if self._locals:
            around = {scope.id for scope in scopes_around(place, rules)}
            if any(around.isdisjoint(owners) for owners in self._locals):
                return UNKNOWN
        return ""

    def _binds_otherwise(self, match: Match) -> bool:
        """Return whether an operator comes in beside one that binds tighter and is not beside the examples."""
        new = tokens_of(match.text, self._language_id)
        tokens = self._document.tokens
        low, high = (bisect_left(tokens, offset, key=attrgetter("start")) for offset in (match.start, match.end))
        before = tokens[max(low - 1, 0) : low]
        level = loosest(new, before)
        if level >= loosest(tokens[low:high], before):
            return False
        beside = neighbours(self._document.request.text, tokens, low, high, new)
        return beside.bind_tighter(self._pattern.beside, level)

    @cached_property
    def _brings_value(self) -> bool:
        """Whether the change brings in a number or string."""
        return any(token.kind in _VALUES for text in self._new for token in tokens_of(text, self._language_id))

    @cached_property
    def _values(self) -> list[str]:
        """The numbers and strings that stand around the example."""
        return [text for text in self._pattern.around[0] if text[0] in _BEGIN_VALUES]

    def _values_around(self, match: Match) -> list[str]:
        beside = around(match, self._document.request.text, self._document.tokens)
        return [text for text in beside if text[0] in _BEGIN_VALUES]

    @cached_property
    def _at_example(self) -> Node | None:
        tree = self._document.tree
        if tree is None or self._example is None:
            return None
        return tree.root_node.descendant_for_byte_range(self._example, self._example)

    @cached_property
    def _callable(self) -> set[str]:
        """The names that the change brings in, unless the example is in a function of that name too."""
        rules = rules_of(self._language_id)
        if self._at_example is None or rules is None:
            return set()
        return {name for name, _ in self._brought()} - _functions(self._at_example, rules)

    @cached_property
    def _locals(self) -> list[set[int]]:
        """Where each of the local variables is bound that the change brings in, as the numbers of scopes."""
        rules, tree = rules_of(self._language_id), self._document.tree
        if self._at_example is None or rules is None or tree is None:
            return []
        around, found = scopes_around(self._at_example, rules), list[set[int]]()
        for name in {name for name, is_member in self._brought() if not is_member}:
            uses = occurrences(tree, self._document.request.text, name, rules)
            owners = {use.scope.id for use in uses if use.is_binding}
            owner = next((scope for scope in around if scope.id in owners), None)
            if owner is not None and owner.parent is not None and owner.type not in rules.types:
                found.append(owners)
        return found

    def _brought(self) -> Iterator[tuple[str, bool]]:
        """Yield the names that the change brings in, except for labels, each with whether it is a member."""
        for text in self._new:
            tokens = tokens_of(text, self._language_id)
            for index, token in enumerate(tokens):
                following = tokens[index + 1].text if index + 1 < len(tokens) else ""
                is_label = following in _ASSIGNS or token.text in self._old
                if token.kind is LexemeKind.NAME and token.text not in KEYWORDS and not is_label:
                    yield token.text, index > 0 and tokens[index - 1].text in DOTS


def _functions(node: Node, rules: NameRules) -> set[str]:
    """Return the names of the functions around a node."""
    found = set[str]()
    for each in (node, *ancestors(node)):
        if each.type in rules.functions or each.type == "variable_declarator":
            name = each.child_by_field_name("name") or each.child_by_field_name("declarator")
            while name is not None and (inner := name.child_by_field_name("declarator")) is not None:
                name = inner
            if name is not None:
                found.add((name.text or b"").decode())
    return found
