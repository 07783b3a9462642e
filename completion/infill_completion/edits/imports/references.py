"""Uses of a name that nothing in the document binds, in places where only a use can be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.imports.reference_places import PLACES
from infill_completion.edits.names.occurrences import occurrence_at
from infill_completion.edits.names.rules import NameRules

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# Words before a name in the arguments of a macro that may bind it.
_DEFINES = frozenset({"struct", "enum", "union", "trait", "type", "fn", "let", "const", "static", "mod", "mut", "ref"})
_ATTRIBUTES = frozenset({"attribute_item", "inner_attribute_item"})
# Traits that can be derived without an import.
_DERIVED = frozenset({"Clone", "Copy", "Debug", "Default", "Eq", "Hash", "Ord", "PartialEq", "PartialOrd"})
_JAVA_TYPES = frozenset({"class_declaration", "enum_declaration", "record_declaration"})
# A name that stands more often is not looked at.
MAX_OCCURRENCES = 2000
_WORD = re.compile(r"(\w+)\s*$")


def free_references(
    tree: Tree, text: str, name: str, family: str, rules: NameRules, spans: Sequence[tuple[int, int]]
) -> list[Node]:
    """Return the uses of a name; none if one is outside of some spans or may bind it instead, or if there are too many.

    Members and labels of the same name are left out.

    Args:
        tree: The tree of the text, with one byte for each character.
        text: The document.
        name: The name.
        family: The name of the language's modules.
        rules: How the language binds names.
        spans: The offsets between which all uses have to be.
    """
    places, found = PLACES[family], list["Node"]()
    matches = [match.span() for match in re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text)]
    if len(matches) > MAX_OCCURRENCES:
        return []
    # Most names are used elsewhere too, so that is where the search ends soonest.
    for span in sorted(matches, key=lambda span: _is_within(span[0], spans)):
        node = tree.root_node.named_descendant_for_byte_range(*span)
        if node is None or (node.start_byte, node.end_byte) != span or "identifier" not in node.type:
            continue  # A part of a string or a comment.
        if node.type == "package_identifier":
            is_use: bool | None = node.parent is not None and node.parent.type == "qualified_type"
        else:
            is_use = _is_use(tree, text, span, node, rules, places)
        if is_use is None:
            continue
        if not is_use or not _is_within(span[0], spans):
            return []
        found.append(node)
    return sorted(found, key=lambda node: node.start_byte)


def _is_within(offset: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= offset < end for start, end in spans)


def _is_use(
    tree: Tree, text: str, span: tuple[int, int], node: Node, rules: NameRules, places: Mapping[str, Sequence[str]]
) -> bool | None:
    """Return whether a name is a use; None if it is a member or a label."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "token_tree":
        return _is_use_in_macro(node, text)
    if parent.type == "attribute" and any(around.type in _ATTRIBUTES for around in ancestors(node)):
        return None  # Rust: attributes have names of their own.
    found = occurrence_at(tree, text, span, rules)
    if found is not None and not found.is_imported and (found.receiver or found.is_label):
        return None
    is_bound = found is not None and (found.is_imported or found.is_binding)
    return not is_bound and _is_at(node, parent, places)


def _is_at(node: Node, parent: Node, places: Mapping[str, Sequence[str]]) -> bool:
    """Return whether a node is at a place of its parent where only a use can be."""
    fields = places.get(parent.type)
    if fields is None:
        return False
    if parent.type == "type" and _is_own_type_parameter(parent):
        return False
    return "" in fields or any(node in parent.children_by_field_name(name) for name in fields)


def _is_own_type_parameter(around: Node) -> bool:
    """Return whether Python declares a type parameter here, as in ``def f[T]()``."""
    listed = around.parent
    return (
        listed is not None
        and listed.type == "type_parameter"
        and listed.parent is not None
        and listed.parent.type != "generic_type"
    )


def _is_use_in_macro(node: Node, text: str) -> bool | None:
    """Return whether a name in the arguments of a macro is surely a use; None if it may be one."""
    if any(around.type in _ATTRIBUTES for around in ancestors(node)):
        return _is_derived(node, text)
    before = _WORD.search(text, max(0, node.start_byte - 20), node.start_byte)
    if before is not None and before.group(1) in _DEFINES:
        return False
    is_head = text.startswith("::", node.end_byte) and not text[: node.start_byte].endswith("::")
    return True if is_head and text[node.start_byte].isupper() else None


def _is_derived(node: Node, text: str) -> bool | None:
    """Return whether a name in an attribute is that of a trait to derive; None if it means something else."""
    outer = next((around for around in ancestors(node) if around.type == "attribute"), None)
    is_derive = outer is not None and text.startswith("derive", outer.start_byte)
    is_bare = not text[: node.start_byte].endswith("::")
    return True if is_derive and is_bare and text[node.start_byte : node.end_byte] not in _DERIVED else None


def is_type_only(nodes: Sequence[Node]) -> bool:
    """Return whether all uses are of a type, in TypeScript."""
    return all(
        node.type == "type_identifier" or (node.parent is not None and node.parent.type == "nested_type_identifier")
        for node in nodes
    )


def is_bare_call(node: Node) -> bool:
    """Return whether a node is the name of a Java method that is called without a receiver."""
    parent = node.parent
    return parent is not None and parent.type == "method_invocation" and parent.child_by_field_name("object") is None


def may_be_inherited(node: Node) -> bool:
    """Return whether a Java type around a node may have a member from a type that it extends."""
    for around in ancestors(node):
        if around.type in _JAVA_TYPES:
            if around.child_by_field_name("superclass") or around.child_by_field_name("interfaces"):
                return True
        elif around.type == "interface_declaration" or (
            around.type == "class_body" and around.parent is not None and around.parent.type not in _JAVA_TYPES
        ):
            return True
    return False
