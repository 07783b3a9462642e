"""Heads of functions in a syntax tree: their names and the brackets with their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import Hunk

if TYPE_CHECKING:
    from tree_sitter import Node

_PARAMETERS = frozenset({"parameters", "formal_parameters", "parameter_list"})
_NAMED = frozenset(
    {
        "function_definition", "function_declaration", "generator_function_declaration", "function_item",
        "method_declaration", "method_definition",
    }
)  # fmt: skip
_VALUES = frozenset({"arrow_function", "function_expression"})
_DECLARATORS = frozenset({"pointer_declarator", "reference_declarator"})
_CLASSES = frozenset({"class_definition", "class_declaration", "abstract_class_declaration"})
# What makes an object of the class around, and is called by the name of the class.
_MAKERS = frozenset({"__init__", "constructor"})


@dataclass(frozen=True)
class ChangedHead:
    """The head of a function in whose parameters something has changed.

    Attributes:
        name: The function, or the class that it makes an object of.
        before: The brackets with the parameters before the change.
        after: The same now.
        start: Where they begin.
        is_maker: Whether the name is that of a class.
    """

    name: str
    before: str
    after: str
    start: int
    is_maker: bool


def changed_head(document: EditedDocument, hunk: Hunk) -> ChangedHead | None:
    """Return the function whose parameters a change is in; None if it is anywhere else, or in its brackets' lines too.

    The document has a tree.
    """
    text, tree = document.request.text, document.tree
    start, end = document.span(hunk.first, hunk.end)
    before, after = "".join(hunk.before), "".join(hunk.after)
    if tree is None or text[start:end] != after:
        return None
    first = _shared(before, after)
    same = _shared(before[first:][::-1], after[first:][::-1])
    low, high = start + first, end - same
    node = tree.root_node.descendant_for_byte_range(low, high)
    inner = [] if node is None else [node, *ancestors(node)]
    brackets = next((each for each in inner if each.type in _PARAMETERS), None)
    if brackets is None or not brackets.start_byte < low <= high < brackets.end_byte:
        return None
    name = _name_of(brackets)
    if name is None:
        return None
    called = _class_around(brackets) if name.text is not None and name.text.decode() in _MAKERS else name
    if called is None:
        return None
    now = text[brackets.start_byte : brackets.end_byte]
    cut = low - brackets.start_byte
    former = now[:cut] + before[first : len(before) - same] + now[cut + high - low :]
    spelled = text[called.start_byte : called.end_byte]
    return ChangedHead(spelled, former, now, brackets.start_byte, called != name)


def _shared(one: str, other: str) -> int:
    """Return how many characters at the beginning are the same."""
    most = min(len(one), len(other))
    return next((index for index in range(most) if one[index] != other[index]), most)


def _name_of(brackets: Node) -> Node | None:
    """Return the name of the function with a body whose parameters are in ``brackets``; None if it has neither."""
    head = brackets.parent
    if head is None or head.child_by_field_name("parameters") != brackets:
        return None
    if head.type in _NAMED:
        return head.child_by_field_name("name")
    if head.type in _VALUES:
        holder = head.parent
        is_named = holder is not None and holder.type == "variable_declarator"
        return holder.child_by_field_name("name") if holder is not None and is_named else None
    return _declared(head) if head.type == "function_declarator" else None


def _declared(head: Node) -> Node | None:
    """Return the name that C or C++ defines by a declarator; None if that is a prototype, or not a plain name."""
    outer = next((each for each in ancestors(head) if each.type not in _DECLARATORS), None)
    name = head.child_by_field_name("declarator")
    while name is not None and name.type == "qualified_identifier":
        name = name.child_by_field_name("name")
    is_plain = name is not None and name.type in {"identifier", "field_identifier"}
    return name if is_plain and outer is not None and outer.type == "function_definition" else None


def _class_around(brackets: Node) -> Node | None:
    around = next((each for each in ancestors(brackets) if each.type in _CLASSES), None)
    return around.child_by_field_name("name") if around is not None else None
