"""The occurrences of a name in a syntax tree, and what each of them is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.names.class_paths import class_path, is_constructor
from infill_completion.edits.names.format_strings import is_argument
from infill_completion.edits.names.kinds import assigns, is_hoisted
from infill_completion.edits.names.rules import NameRules

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_PARAMETERS = frozenset({"parameter_declaration", "optional_parameter_declaration"})
# How far a dot or a colon may be from its name, in characters.
_NEAR = 80
# C++: nodes between a path and the name.
_TEMPLATES = frozenset({"template_function", "template_type"})
# Java: nodes without fields whose first child alone is a name of its own.
_LAST_IS_MEMBER = frozenset({"method_reference", "scoped_type_identifier"})


@dataclass(frozen=True)
class Occurrence:
    """A name in a tree that was made of one byte for each character.

    Attributes:
        start: Its offset.
        node: Its node; that of the text around it in a format string.
        scope: The node in which it is bound, if it is a binding; otherwise the innermost scope around it.
        is_binding: Whether the name is bound here.
        known_from: The offset from which it is known in its scope, if it is bound here; 0 if in all of it.
        receiver: The text before its dot, or the path before it with its separator; empty if there is neither.
        is_label: Whether it names no variable, such as the name of a keyword argument.
        is_imported: Whether it is in an import.
    """

    start: int
    node: Node
    scope: Node
    is_binding: bool
    known_from: int
    receiver: str
    is_label: bool
    is_imported: bool


def occurrences(tree: Tree, text: str, name: str, rules: NameRules) -> list[Occurrence]:
    """Return the occurrences of ``name`` in code, from top to bottom.

    Args:
        tree: The tree of the text, with one byte for each character.
        text: The document.
        name: The name.
        rules: The rules of the language.
    """
    after = r"\w" if rules.has_format_strings else r"\w$"  # Rust: `{:n$}` takes its width from `n`
    matches = re.finditer(rf"(?<![\w$]){re.escape(name)}(?![{after}])", text)
    found = (occurrence_at(tree, text, match.span(), rules) for match in matches)
    return [one for one in found if one is not None]


def occurrence_at(tree: Tree, text: str, span: tuple[int, int], rules: NameRules) -> Occurrence | None:
    """Return what the name between two offsets is; None if no name of code stands there."""
    node = tree.root_node.named_descendant_for_byte_range(*span)
    if node is None:
        return None
    if rules.has_format_strings and is_argument(node, text, span):
        return Occurrence(span[0], node, _scope_around(node, rules), False, 0, "", False, False)
    is_name = node.type in rules.names and node.start_byte == span[0]
    return _described(node, text, rules) if is_name else None


def _described(node: Node, text: str, rules: NameRules) -> Occurrence:
    is_imported = _is_imported(node, rules)
    receiver = "" if is_imported else _receiver(node, text, rules)
    is_label = _is_label(node, text, rules)
    binder = None if receiver or is_label or is_constructor(node) else _binder(node, rules)
    scope = _scope_around(node, rules) if binder is None else _scope_of(binder, node, rules)
    known_from = binder.end_byte if binder is not None and _is_known_later(binder, scope, rules) else 0
    return Occurrence(node.start_byte, node, scope, binder is not None, known_from, receiver, is_label, is_imported)


def _is_known_later(binder: Node, scope: Node, rules: NameRules) -> bool:
    """Return whether a name is known only after the node that binds it; what a whole document binds is known in it."""
    return binder.type in rules.later and scope.parent is not None


def _receiver(node: Node, text: str, rules: NameRules) -> str:
    parent = node.parent
    if parent is None:
        return ""
    for kind, of, name in rules.members:
        if parent.type == kind and parent.child_by_field_name(name) == node:
            holder = parent.child_by_field_name(of)
            return text[holder.start_byte : holder.end_byte] if holder is not None else ""
    if (path := class_path(node, text)) is not None:
        return path
    if parent.type in _TEMPLATES and parent.parent is not None:
        node, parent = parent, parent.parent
    if any(parent.type == kind and parent.child_by_field_name(name) == node for kind, name in rules.qualified):
        return text[parent.start_byte : node.start_byte]
    return ""


def _is_label(node: Node, text: str, rules: NameRules) -> bool:
    parent = node.parent
    if parent is None:
        return False
    is_listed = any(
        parent.type == kind and (not label or parent.child_by_field_name(label) == node) for kind, label in rules.labels
    )
    return is_listed or _is_label_of(parent, node, text, rules)


def _is_label_of(parent: Node, node: Node, text: str, rules: NameRules) -> bool:
    """Return whether a child is a label for a reason that no field tells."""
    if parent.type in rules.tags:
        return text[node.start_byte].islower()
    if parent.type == "token_tree":  # Rust: the arguments of a macro are not parsed
        return _is_member_of_macro(node, text)
    if parent.type in _LAST_IS_MEMBER:
        return node.start_byte != parent.start_byte
    if parent.type == "enumerator" and parent.parent is not None and parent.parent.parent is not None:
        return any(child.type in {"class", "struct"} for child in parent.parent.parent.children)
    return parent.type == "literal_element" and _is_key_of_struct(parent)


def _is_member_of_macro(node: Node, text: str) -> bool:
    before = text[max(0, node.start_byte - _NEAR) : node.start_byte].rstrip()
    after = text[node.end_byte : node.end_byte + _NEAR].lstrip()
    is_reached = before.endswith("::") or (before.endswith(".") and not before.endswith(".."))
    return is_reached or (after.startswith(":") and not after.startswith("::"))


def _is_key_of_struct(element: Node) -> bool:
    """Return whether a part of a Go literal is a key, unless that of a map or an array."""
    pair = element.parent
    if pair is None or pair.type != "keyed_element" or pair.child_by_field_name("key") != element:
        return False
    literal = pair.parent.parent if pair.parent is not None else None
    kind = literal.child_by_field_name("type") if literal is not None else None
    return kind is None or kind.type not in {"map_type", "array_type", "slice_type", "implicit_length_array_type"}


def _is_imported(node: Node, rules: NameRules) -> bool:
    """Return whether a name is in an import or is exported from another module."""
    return any(
        parent.type in rules.imports
        or (parent.type == "export_statement" and parent.child_by_field_name("source") is not None)
        for parent in ancestors(node)
    )


def _binder(node: Node, rules: NameRules) -> Node | None:
    """Return the node that binds the name ``node``; None if it is a use."""
    child = node
    for parent in ancestors(node):
        for kind, name in rules.bindings:
            if parent.type != kind:
                continue
            if not name or child in parent.children_by_field_name(name):
                if parent.type.endswith("_specifier") and parent.child_by_field_name("body") is None:
                    return None  # C: `struct name` is a use
                return parent if not (_is_default(child, parent) or assigns(parent)) else None
        if parent.type not in rules.patterns or (parent.type != "pair_pattern" and _is_default(child, parent)):
            return None
        child = parent
    return None


def _is_default(child: Node, parent: Node) -> bool:
    """Return whether a child of a pattern is its default, its type or its size rather than a name."""
    fields = ("value", "type", "default_value", "right", "size")
    return any(parent.child_by_field_name(name) == child for name in fields)


def _scope_of(binder: Node, name: Node, rules: NameRules) -> Node:
    """Return the scope in which ``binder`` binds ``name``."""
    if binder.type in rules.definitions and binder.child_by_field_name("name") == name:
        return _scope_around(binder, rules)
    if binder.type == "function_declarator":  # C: the name of a function is within its definition
        outer = next((each for each in ancestors(binder) if each.type not in rules.patterns), None)
        return _scope_around(outer if outer is not None else binder, rules)
    if binder.type in _PARAMETERS and not _is_of_definition(binder):  # C: a prototype
        return binder
    if is_hoisted(binder, rules):
        return _function_around(binder, rules)
    return _innermost(binder, rules)


def _is_of_definition(parameter: Node) -> bool:
    """Return whether a parameter is that of a function with a body, or of something else than a C function."""
    head = parameter.parent.parent if parameter.parent is not None else None
    if head is None or head.type != "function_declarator":
        return True
    around = next((each for each in ancestors(head) if not each.type.endswith("_declarator")), None)
    return around is not None and around.type == "function_definition"


def _innermost(node: Node, rules: NameRules) -> Node:
    """Return ``node`` if it is a scope, or else the innermost scope around it."""
    return node if node.type in rules.scopes else _scope_around(node, rules)


def _scope_around(node: Node, rules: NameRules) -> Node:
    """Return the innermost scope around ``node``; the whole document counts as one."""
    scope = node
    for scope in ancestors(node):
        if _is_scope(scope, rules):
            break
    return scope


def _is_scope(node: Node, rules: NameRules) -> bool:
    """Return whether a node is a scope; the body of a function is one scope with its parameters."""
    if node.type not in rules.scopes:
        return False
    if node.type not in {"block", "statement_block", "compound_statement"}:
        return True
    return node.parent is None or node.parent.type not in rules.functions


def _function_around(node: Node, rules: NameRules) -> Node:
    scopes = scopes_around(node, rules)
    return next((scope for scope in scopes if scope.type in rules.functions), scopes[-1])


def scopes_around(node: Node, rules: NameRules) -> list[Node]:
    """Return the scopes around a node, the innermost first; the last one is the whole document."""
    *inner, whole = list(ancestors(node)) or [node]
    found: list[Node] = []
    child, is_outside = node, False
    for around in inner:
        is_outside = is_outside or _is_outside(child, around, rules)
        if _is_scope(around, rules):
            if not is_outside:
                found.append(around)
            is_outside = False
        child = around
    return [*found, whole]


def _is_outside(child: Node, parent: Node, rules: NameRules) -> bool:
    """Return whether names in a child belong to the scope outside of the one around; of loops in one, the first."""
    if parent.type == "for_in_clause":
        before = parent.prev_named_sibling
        if before is not None and before.type in {"for_in_clause", "if_clause"}:
            return False
    return any(parent.type == kind and parent.child_by_field_name(name) == child for kind, name in rules.outside)


def type_around(node: Node, rules: NameRules) -> Node | None:
    """Return the innermost type around a node; None if there is none."""
    return next((parent for parent in ancestors(node) if parent.type in rules.types), None)
