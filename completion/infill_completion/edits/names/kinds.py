"""What the node of a name says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from infill_completion.edits.names.rules import NameRules

# Types of nodes that name a field, method or property, and never a variable.
MEMBERS = frozenset({"property_identifier", "private_property_identifier", "field_identifier"})
_MODIFIERS = frozenset({"accessibility_modifier", "override_modifier", "readonly"})


def is_shorthand(node: Node) -> bool:
    """Return whether a name is that of a field and of a variable in one, as in ``{a}``."""
    is_initializer = node.parent is not None and node.parent.type == "shorthand_field_initializer"
    return is_initializer or node.type.startswith("shorthand")


def is_export(node: Node) -> bool:
    """Return whether a name is exported under itself, as in ``export { a }``."""
    return (
        node.parent is not None
        and node.parent.type == "export_specifier"
        and node.parent.child_by_field_name("alias") is None
    )


def is_apart(node: Node, rules: NameRules) -> bool:
    """Return whether a name is of a kind whose names variables may have too."""
    parent = node.parent
    return parent is not None and any(
        parent.type == kind and parent.child_by_field_name(name) == node for kind, name in rules.apart
    )


def is_of_outer_scope(node: Node) -> bool:
    """Return whether Python takes a name from another scope here."""
    return node.parent is not None and node.parent.type in {"global_statement", "nonlocal_statement"}


def is_parameter_property(node: Node) -> bool:
    """Return whether a name is that of a TypeScript parameter that is a property of the class too."""
    parent = node.parent
    is_parameter = parent is not None and parent.type in {"required_parameter", "optional_parameter"}
    return is_parameter and parent is not None and any(child.type in _MODIFIERS for child in parent.children)


def is_assigned(node: Node) -> bool:
    """Return whether a member is assigned, in a language where that defines it."""
    member = node.parent
    return (
        member is not None
        and member.type in {"attribute", "member_expression"}
        and member.parent is not None
        and member.parent.type in {"assignment", "assignment_expression"}
        and member.parent.child_by_field_name("left") == member
    )


def is_accessor(node: Node) -> bool:
    """Return whether a name is that of a Python property in ``@name.setter``."""
    parent = node.parent
    return (
        parent is not None
        and parent.type == "attribute"
        and parent.child_by_field_name("object") == node
        and parent.parent is not None
        and parent.parent.type == "decorator"
    )
