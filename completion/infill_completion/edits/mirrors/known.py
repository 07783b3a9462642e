"""Whether the names that an item brings in mean something where it is put."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.names.occurrences import occurrence_at, occurrences, scopes_around
from infill_completion.edits.names.rules import NameRules, rules_of

if TYPE_CHECKING:
    from tree_sitter import Node

# A name that stands more often is not looked at.
MAX_OCCURRENCES = 2000
_FIELDS = frozenset({"field_declaration", "property_signature", "public_field_definition"})
_DOTS = (".", "->", "::")
# Where a name stands in an item, from and to, and the name that takes its place in the new one.
NewName = tuple[int, int, str]


def is_declared_by(document: EditedDocument, names: Iterable[NewName]) -> bool:
    """Return whether an item declares one of its names, as a variable or as a field, or imports it."""
    rules, tree, text = rules_of(document.request.language_id), document.tree, document.request.text
    if rules is None or tree is None:
        return False
    found = (occurrence_at(tree, text, (start, end), rules) for start, end, _ in names)
    return any(one is not None and (one.is_binding or one.is_imported or _is_field(one.node)) for one in found)


def _is_field(node: Node) -> bool:
    """Return whether a name is that of a field where its type is defined."""
    return node.parent is not None and node.parent.type in _FIELDS and node.parent.child_by_field_name("name") == node


def unknown_name(document: EditedDocument, names: Iterable[NewName], defined: Container[str]) -> str:
    """Return the first name that means nothing where it would be; empty if all are known.

    Names that are bound need not be known; those of members, fields and arguments must be in the list or the document.

    Args:
        document: The document.
        names: The names of an item that is there, and what they become in the new one.
        defined: The names in the list.
    """
    rules, tree, text = rules_of(document.request.language_id), document.tree, document.request.text
    if rules is None or tree is None:
        return ""
    for start, end, new in names:
        one = occurrence_at(tree, text, (start, end), rules)
        if one is None or one.is_binding:
            continue
        if one.is_imported:
            return new
        if one.receiver or one.is_label or text[max(start - 2, 0) : start].endswith(_DOTS):
            is_there = new in defined or _is_assigned(one.node) or any(token.text == new for token in document.tokens)
        elif new in defined and not is_bound(document, one.node, text[start:end], rules):
            is_there = True  # Neither is what it would stand beside: both are defined elsewhere.
        else:
            is_there = is_bound(document, one.node, new, rules)
        if not is_there:
            return new
    return ""


def _is_assigned(node: Node) -> bool:
    """Return whether a member is what is assigned to, which may be where it is defined."""
    member = node.parent
    statement = member.parent if member is not None else None
    return statement is not None and statement.child_by_field_name("left") == member


def is_bound(document: EditedDocument, node: Node, name: str, rules: NameRules, *, is_local: bool = False) -> bool:
    """Return whether a name is bound in one of the scopes around a node, before it where the order counts.

    Args:
        document: The document.
        node: The node.
        name: The name.
        rules: The rules of the language.
        is_local: Whether it must be bound in a function, above the node.
    """
    if document.tree is None or document.request.text.count(name) > MAX_OCCURRENCES:
        return False
    scopes = scopes_around(node, rules)
    if is_local:
        scopes = [scope for scope in scopes[:-1] if scope.type not in rules.types]
    around = {scope.id for scope in scopes}
    return any(
        (one.is_imported and not is_local)
        or (one.is_binding and one.scope.id in around and max(one.known_from, is_local * one.start) <= node.start_byte)
        for one in occurrences(document.tree, document.request.text, name, rules)
    )
