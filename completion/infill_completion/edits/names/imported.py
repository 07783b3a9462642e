"""Names that imports bind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.edits.names.kinds import MEMBERS
from infill_completion.edits.names.occurrences import Occurrence
from infill_completion.edits.names.splits import is_qualified, is_respelled

if TYPE_CHECKING:
    from tree_sitter import Node

_ALIASES = frozenset({"import_specifier", "aliased_import", "use_as_clause"})
_HOLDERS = frozenset({"import_clause", "namespace_import", "use_list", "use_declaration"})
_CHOSEN = frozenset({"import_clause", "namespace_import"})
_ENDS = frozenset({"use_list", "use_declaration", "import_declaration"})


def is_bound_by_import(found: Occurrence) -> bool:
    """Return whether a name in an import is one that the file knows from there on, and no module or old name."""
    node, parent = found.node, found.node.parent
    if not found.is_imported or parent is None:
        return False
    if parent.type in _ALIASES:
        return node == (parent.child_by_field_name("alias") or parent.child_by_field_name("name"))
    if parent.type == "dotted_name":
        return parent.named_child(0) == node and _is_taken_from(parent)
    if parent.type == "scoped_identifier":
        return parent.child_by_field_name("name") == node and _is_end(parent)
    return parent.type in _HOLDERS


def may_be_respelled(names: tuple[str, str], found: Occurrence) -> bool:
    """Return whether an imported name surely means the same as before: the file chose it, or it is alike or longer.

    Otherwise something else may be imported: of three such proposals one was right.
    """
    parent = found.node.parent
    is_chosen = parent is not None and (
        parent.type in _CHOSEN or (parent.type in _ALIASES and parent.child_by_field_name("alias") is not None)
    )
    return is_chosen or is_respelled(*names) or is_qualified(*names)


def uses_of_import(left: list[Occurrence], fresh: list[Occurrence], here: list[Occurrence]) -> list[Occurrence]:
    """Return the places of an imported name that has become another one; none if either name is anything else too.

    Args:
        left: The occurrences of the old name.
        fresh: Those of the new one.
        here: Those of them that the user has changed.
    """
    if any(found not in here for found in fresh) or any(found.is_binding or found.is_imported for found in left):
        return []
    return [found for found in left if not (found.receiver or found.is_label) and found.node.type not in MEMBERS]


def _is_taken_from(name: Node) -> bool:
    """Return whether a Python name is imported under itself, and not the module that others are taken from."""
    statement = name.parent
    return statement is not None and name in statement.children_by_field_name("name") and statement.type not in _ALIASES


def _is_end(path: Node) -> bool:
    """Return whether the last name of a path in Rust or Java is what is imported, and not all that is in it."""
    statement = path.parent
    if statement is None or statement.type not in _ENDS:
        return False
    return not any(child.type == "asterisk" for child in statement.children)
