"""Fields of structs in Go and Rust, whose methods stand apart, and their uses that surely are of the same struct."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.names.kinds import type_name
from infill_completion.edits.names.occurrences import Occurrence, occurrences
from infill_completion.edits.proposal import Place

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

    from infill_completion.edits.names.rules import NameRules

_LITERALS = frozenset({"struct_expression", "struct_pattern", "composite_literal"})
_FUNCTIONS = frozenset({"function_declaration", "method_declaration", "function_item"})
# What declares a variable together with its type.
_DECLARE = frozenset({"parameter_declaration", "parameter", "var_spec", "let_declaration"})
_AROUND_TYPES = frozenset({"pointer_type", "reference_type", "generic_type"})
_NEAR = 80
# More places than a proposal may have; the others need not be found.
_ENOUGH = 100
_SELF = re.compile(r"(?<![\w.])self\s*\.\s*$")
_SHORTHANDS = frozenset({"shorthand_field_initializer", "field_pattern"})


def struct_of(found: Occurrence) -> str:
    """Return the struct that has a name as a field where it is declared; empty if it is none."""
    field = found.node.parent
    if field is None or field.type != "field_declaration" or found.node not in field.children_by_field_name("name"):
        return ""
    around = field.parent.parent if field.parent is not None else None
    if around is not None and around.type == "struct_type":
        around = around.parent
    is_struct = around is not None and around.type in {"struct_item", "type_spec"}
    return _text(around.child_by_field_name("name")) if around is not None and is_struct else ""


def field_places(
    names: tuple[str, str],
    left: list[Occurrence],
    fresh: list[Occurrence],
    struct: str,
    document: tuple[Tree, str],
    rules: NameRules,
) -> list[Place]:
    """Return where else a field is named: by way of a variable of that type, and in literals and patterns of it.

    Args:
        names: The old and the new name.
        left: The occurrences of the old name.
        fresh: Those of the new one.
        struct: The struct.
        document: The tree and its text.
        rules: The rules of the language.
    """
    if sum(struct_of(found) == struct for found in fresh) > 1 or any(struct_of(found) == struct for found in left):
        return []
    old, new = names
    variables = _Variables(document, rules)
    places: list[Place] = []
    for found in left:
        is_literal = _is_in_literal(found.node, struct)
        if is_literal or variables.holder_of(found) == struct:
            text = f"{new}: {old}" if is_literal and _is_shorthand(found.node) else new
            places.append((found.start, found.start + len(old), text))
        if len(places) > _ENOUGH:
            break
    return places


class _Variables:
    """The types of variables that are declared with them."""

    def __init__(self, document: tuple[Tree, str], rules: NameRules) -> None:
        self._document, self._rules = document, rules
        self._bindings: dict[str, list[Node]] = {}

    def holder_of(self, found: Occurrence) -> str:
        """Return the type of what a member is reached by; empty if it is no member, or that cannot be told."""
        if found.receiver == "self" or _is_of_self_in_macro(found.node, self._document[1]):
            return type_name(found.node)
        function = next((each for each in reversed(list(ancestors(found.node))) if each.type in _FUNCTIONS), None)
        if function is None or not found.receiver.isidentifier():
            return ""
        bound = self._bound(found.receiver)
        low, high = (bisect_left(bound, offset, key=_start) for offset in (function.start_byte, function.end_byte))
        binder = bound[low].parent if high - low == 1 else None
        return _text(binder.child_by_field_name("type")) if binder is not None and binder.type in _DECLARE else ""

    def _bound(self, name: str) -> list[Node]:
        """Return where a name is bound in the document, from top to bottom."""
        if name not in self._bindings:
            found = occurrences(*self._document, name, self._rules)
            self._bindings[name] = [one.node for one in found if one.is_binding]
        return self._bindings[name]


def _is_in_literal(node: Node, struct: str) -> bool:
    """Return whether a name is that of a field in a literal or pattern of a struct that is named there."""
    field = node.parent
    if field is None:
        return False
    if field.type == "literal_element":  # Go
        pair = field.parent
        if pair is None or pair.type != "keyed_element" or pair.child_by_field_name("key") != field:
            return False
        literal = pair.parent.parent if pair.parent is not None else None
        return (
            literal is not None and literal.type in _LITERALS and _text(literal.child_by_field_name("type")) == struct
        )
    is_name = node in (field.child_by_field_name("field"), field.child_by_field_name("name"))
    if not (is_name or field.type == "shorthand_field_initializer"):
        return False
    literal = field.parent if field.type == "field_pattern" else field.parent.parent if field.parent else None
    if literal is None or literal.type not in _LITERALS:
        return False
    named = _text(literal.child_by_field_name("name") or literal.child_by_field_name("type"))
    return (type_name(node) if named == "Self" else named) == struct


def _is_shorthand(node: Node) -> bool:
    """Return whether a name is that of a field and of a variable in one."""
    field = node.parent
    return field is not None and field.type in _SHORTHANDS and field.child_by_field_name("pattern") is None


def _start(node: Node) -> int:
    return node.start_byte


def _is_of_self_in_macro(node: Node, text: str) -> bool:
    """Return whether a name is that of a member of ``self`` in a macro of Rust, whose arguments are not parsed."""
    before = text[max(0, node.start_byte - _NEAR) : node.start_byte]
    return node.parent is not None and node.parent.type == "token_tree" and _SELF.search(before) is not None


def _text(node: Node | None) -> str:
    """Return the name of a type, without its pointer and its parameters."""
    while node is not None and node.type in _AROUND_TYPES:
        node = node.child_by_field_name("type") or node.named_child(0)
    return "" if node is None else (node.text or b"").decode()
