"""The calls of a function that surely are its own, as far as one document tells."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.names.occurrences import occurrences
from infill_completion.edits.names.rules import NameRules, rules_of
from infill_completion.edits.words import SELVES

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

MAX_OCCURRENCES = 2000
_CALLS = {"call": "function", "call_expression": "function", "new_expression": "constructor"}
_PLAIN = frozenset(
    {
        "function_definition", "function_declaration", "generator_function_declaration", "function_item",
        "class_definition", "class_declaration", "abstract_class_declaration",
    }
)  # fmt: skip
_METHODS = frozenset({"method_definition", "method_declaration"})
# In these ``this`` is another object than around them.
_OWN_THIS = frozenset({"function_declaration", "function_expression", "generator_function_declaration"})


def definition_of(tree: Tree, text: str, name: str) -> Node | None:
    """Return the only function of that name in a document; None if there is none, or more than one.

    None also if the name stands there so often that looking at each place takes too long.
    """
    found = []
    named = list(islice(re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text), MAX_OCCURRENCES + 1))
    for match in named if len(named) <= MAX_OCCURRENCES else ():
        node = tree.root_node.named_descendant_for_byte_range(*match.span())
        parent = node.parent if node is not None else None
        if parent is not None and _is_definition(parent) and parent.child_by_field_name("name") == node:
            found.append(parent)
    return found[0] if len(found) == 1 else None


def _is_definition(node: Node) -> bool:
    """Return whether a node defines a function or class, or a constant that is a function."""
    if node.type != "variable_declarator":
        return node.type in _PLAIN | _METHODS
    value, statement = node.child_by_field_name("value"), node.parent
    is_constant = statement is not None and any(child.type == "const" for child in statement.children)
    return is_constant and value is not None and value.type in {"arrow_function", "function_expression"}


def own_calls(tree: Tree, text: str, name: str, language_id: str) -> list[Node]:
    """Return the calls of the only function ``name``: by its bare name, or in its type by way of ``self`` or ``this``.

    Args:
        tree: The tree of the text, with one byte for each character.
        text: The document.
        name: The function.
        language_id: LSP's language id.
    """
    rules, definition = rules_of(language_id), definition_of(tree, text, name)
    if rules is None or definition is None:
        return []
    holder = _holder(definition, rules)
    if definition.type in _METHODS and holder is None:
        return []
    if (
        holder is None
        and sum(found.is_binding or found.is_imported for found in occurrences(tree, text, name, rules)) > 1
    ):
        return []
    calls = []
    for match in re.finditer(rf"(?<![\w$]){re.escape(name)}(?=\s*\()", text):
        node = tree.root_node.named_descendant_for_byte_range(*match.span())
        callee = node if node is None or holder is None else _by_self(node, holder, definition, rules)
        call = callee.parent if callee is not None else None
        if call is not None and call.type in _CALLS and call.child_by_field_name(_CALLS[call.type]) == callee:
            calls.append(call)
    return calls


def _holder(definition: Node, rules: NameRules) -> Node | None:
    """Return the type of which a function is a method; None if it is none."""
    for around in ancestors(definition):
        if around.type in rules.types:
            return around
        if around.type in rules.functions:
            break
    return None


def _by_self(name: Node, holder: Node, definition: Node, rules: NameRules) -> Node | None:
    """Return the member expression with ``name`` if its receiver is the object of the type around; None otherwise."""
    member = name.parent
    if member is None:
        return None
    of = next((of for kind, of, field in rules.members if member.child_by_field_name(field) == name), "")
    receiver = member.child_by_field_name(of) if of else None
    called_by = (receiver.text or b"").decode() if receiver is not None else ""
    if called_by not in SELVES or (called_by == "cls" and not _takes_class(definition)):
        return None
    for around in ancestors(member):
        if around.type in rules.types:
            return member if around == holder else None
        if called_by == "this" and around.type in _OWN_THIS:
            break
    return None


def _takes_class(definition: Node) -> bool:
    parameters = definition.child_by_field_name("parameters")
    first = parameters.named_child(0) if parameters is not None else None
    return first is not None and first.text == b"cls"
