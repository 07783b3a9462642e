"""What the node of a name says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors

if TYPE_CHECKING:
    from tree_sitter import Node

    from infill_completion.edits.names.rules import NameRules

# Types of nodes that name a field, method or property, and never a variable.
MEMBERS = frozenset({"property_identifier", "private_property_identifier", "field_identifier"})
# Nodes of types with a name.
_TYPES = frozenset(
    {
        "class_definition", "class_declaration", "abstract_class_declaration", "class", "interface_declaration",
        "enum_declaration", "record_declaration", "struct_item", "enum_item", "union_item", "trait_item",
        "struct_specifier", "class_specifier", "union_specifier",
    }
)  # fmt: skip
_ASSIGNMENTS = frozenset({"assignment_expression", "assignment_statement"})
_MAKING = frozenset({"assignment", "short_var_declaration"})
# Go: with `:=` they declare names, with `=` they assign them.
_MAY_DECLARE = frozenset({"range_clause", "receive_statement"})
# Nodes between the left side of an assignment and its names; Rust has expressions there.
_TARGETS = frozenset(
    {
        "expression_list", "pattern_list", "tuple_pattern", "list_pattern", "array_pattern", "object_pattern",
        "pair_pattern", "rest_pattern", "assignment_pattern", "object_assignment_pattern", "parenthesized_expression",
        "non_null_expression", "tuple_expression", "array_expression", "struct_expression", "field_initializer_list",
        "field_initializer", "shorthand_field_initializer", "call_expression", "arguments",
    }
)  # fmt: skip
# Their fields that are not assigned.
_ASIDE = ("key", "right", "name", "field", "function")
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


def is_set(node: Node) -> bool:
    """Return whether a variable is assigned without being declared, in a language with declarations."""
    target = _target(node)
    return _is_left(target) and target.parent is not None and assigns(target.parent)


def assigns(node: Node) -> bool:
    """Return whether a node assigns what is declared elsewhere; some loops do, and others of their type declare it."""
    if node.type == "for_in_statement":
        return node.child_by_field_name("kind") is None
    if node.type in _MAY_DECLARE:
        return any(child.type == "=" for child in node.children)
    return node.type in _ASSIGNMENTS


def is_hoisted(binder: Node, rules: NameRules) -> bool:
    """Return whether a node binds its names in the whole function."""
    kind = binder.child_by_field_name("kind") if binder.type == "for_in_statement" else None
    if binder.type in rules.hoisted or (kind is not None and kind.type == "var"):
        return True
    return binder.parent is not None and binder.parent.type in rules.hoisted


def is_set_first(node: Node) -> bool:
    """Return whether an assignment makes a variable, as in Python, or with ``:=`` in Go."""
    target = _target(node)
    return _is_left(target) and target.parent is not None and target.parent.type in _MAKING


def _target(node: Node) -> Node:
    """Return the outermost pattern that assigns a name, if it is left of an assignment."""
    for around in ancestors(node):
        if around.type not in _TARGETS or any(around.child_by_field_name(name) == node for name in _ASIDE):
            break
        node = around
    return node


def _is_left(node: Node) -> bool:
    return node.parent is not None and node.parent.child_by_field_name("left") == node


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


def is_field(node: Node) -> bool:
    """Return whether a name is that of a field, property or method where its type declares it."""
    return node.type in MEMBERS and node.parent is not None and node in node.parent.children_by_field_name("name")


def type_name(node: Node) -> str:
    """Return the name of the innermost type around a node, also where its methods stand apart from it; empty if none.

    A type without a name has its number.
    """
    for around in ancestors(node):
        if around.type in _TYPES:
            name = around.child_by_field_name("name")
            return str(around.id) if name is None else _text(name)
        if around.type == "impl_item":
            return _text(around.child_by_field_name("type"))
        if around.type == "function_definition" and (scope := _scope_of_method(around)):
            return scope
    return ""


def _scope_of_method(function: Node) -> str:
    """Return the type whose method C++ defines outside of it; empty if it is none."""
    declarator = function.child_by_field_name("declarator")
    while declarator is not None and declarator.type.endswith("_declarator"):
        declarator = declarator.child_by_field_name("declarator") or declarator.named_child(0)
    scope = None
    while declarator is not None and declarator.type == "qualified_identifier":
        scope, declarator = declarator.child_by_field_name("scope"), declarator.child_by_field_name("name")
    return _text(scope)


def _text(name: Node | None) -> str:
    """Return the name of a type, without its path and parameters."""
    while name is not None:
        inner = name.child_by_field_name("name") or (
            name.child_by_field_name("type") if name.type == "generic_type" else None
        )
        if inner is None:
            return (name.text or b"").decode()
        name = inner
    return ""
