"""C++: the name of a class where its members are defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node


def class_path(node: Node, text: str) -> str | None:
    """Return the path before a class that is named in ``Class::member``, ``Class::Class`` or ``Class::~Class``.

    It is empty if there is none before it; None if the name is another one.
    """
    qualified = node.parent
    is_destructor = qualified is not None and qualified.type == "destructor_name"
    if qualified is not None and is_destructor:
        qualified = qualified.parent
    if qualified is None or qualified.type != "qualified_identifier":
        return None
    scope, outer = qualified.child_by_field_name("scope"), qualified.parent
    if scope is None or not (is_destructor or scope.text == node.text or _has_no_type(qualified)):
        return None
    is_inner = outer is not None and outer.type == "qualified_identifier"
    return text[outer.start_byte : qualified.start_byte] if outer is not None and is_inner else ""


def _has_no_type(qualified: Node) -> bool:
    """Return whether a member that is defined apart has no type, as a constructor."""
    head = qualified.parent
    definition = head.parent if head is not None and head.type == "function_declarator" else None
    is_defined = definition is not None and definition.type == "function_definition"
    return definition is not None and is_defined and definition.child_by_field_name("type") is None


def is_constructor(node: Node) -> bool:
    """Return whether a name is that of a constructor in its class: a function without a type."""
    head = node.parent
    if head is None or head.type != "function_declarator" or head.parent is None or head.parent.parent is None:
        return False
    is_in_class = head.parent.parent.type == "field_declaration_list"
    return is_in_class and head.parent.child_by_field_name("type") is None
