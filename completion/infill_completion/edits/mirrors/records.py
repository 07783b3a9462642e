"""A field that was added to a type, and where records of the type are built field by field.

Its value is known only if a variable of that name is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.mirrors.added import AddedItems, Item, item_of
from infill_completion.edits.mirrors.known import is_bound
from infill_completion.edits.mirrors.mirrored import DueItems
from infill_completion.edits.mirrors.spellings import spelled
from infill_completion.edits.names.rules import rules_of

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# A type that is named more often is not looked at.
MAX_OCCURRENCES = 200
_ENTRIES = frozenset(
    {
        "keyword_argument", "keyed_element", "field_initializer", "shorthand_field_initializer", "initializer_pair",
        "pair", "shorthand_property_identifier",
    }
)  # fmt: skip
# Entries that may be a name alone.
_SHORT = frozenset({"field_initializer", "shorthand_field_initializer", "pair", "shorthand_property_identifier"})
_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
# Nodes that build a record: the field with its type and the one with its fields.
_BUILDERS = {
    "call": ("function", "arguments"),
    "composite_literal": ("type", "body"),
    "struct_expression": ("name", "body"),
    "compound_literal_expression": ("type", "value"),
    "variable_declarator": ("type", "value"),
    "declaration": ("type", "declarator"),
}
_LISTS = frozenset({"argument_list", "literal_value", "field_initializer_list", "initializer_list", "object"})
_LEVELS = 4
# What may stand beside the name of the type itself; `Partial<P>` and `P.of` are something else.
_BEFORE = re.compile(r"(?:[:\s]|struct\b|class\b|\w+::)*")
_BEHIND = re.compile(r"\s*(?:(?:::)?<.*>|\[.*\])?", re.DOTALL)
_SPELLINGS = ("as it is", "camelCase", "snake_case")


def records(added: AddedItems, document: EditedDocument) -> Iterator[DueItems]:
    """Yield the new field where records of the type are built, if a variable of that name is there.

    Nothing is due where the other fields are not named, or where the one beside the new one is left out.

    Args:
        added: What was added to the type.
        document: The document.
    """
    tree, text, rules = document.tree, document.request.text, rules_of(document.request.language_id)
    if tree is None or rules is None or not added.owner or len(added.names) > 1 or added.has_default:
        return
    for record in _records(tree, text, added.owner):
        items = _entries(record)
        place = _place(items, added, text) if items else None
        if place is None:
            continue
        at, like, gap, is_after = place
        for style in _SPELLINGS:
            variable = spelled(added.names[0]).get(style)
            if variable and is_bound(document, like.node, variable, rules, is_local=True):
                entry = _entry(like, added.names[0], variable, text)
                yield DueItems((at, at, gap + entry if is_after else entry + gap), f"records of {added.owner}")
                break


def _records(tree: Tree, text: str, owner: str) -> Iterator[Node]:
    """Yield the lists of fields of the records of a type."""
    named = re.finditer(rf"(?<![\w$.]){re.escape(owner)}(?![\w$])", text)
    for match in islice(named, MAX_OCCURRENCES):
        node = tree.root_node.named_descendant_for_byte_range(*match.span())
        for around in islice(ancestors(node), _LEVELS) if node is not None else ():
            fields = _BUILDERS.get(around.type)
            if fields is None:
                continue
            kind, built = (around.child_by_field_name(name) for name in fields)
            while built is not None and built.type == "init_declarator":
                built = built.child_by_field_name("value")
            if kind is not None and kind.start_byte <= match.start() < kind.end_byte and built is not None:
                around_name = text[kind.start_byte : match.start()], text[match.end() : kind.end_byte]
                if built.type in _LISTS and _BEFORE.fullmatch(around_name[0]) and _BEHIND.fullmatch(around_name[1]):
                    yield built
                break


def _entries(record: Node) -> list[Item]:
    """Return the fields of a record; none if any of them is without a name."""
    nodes = [node for node in record.named_children if node.type not in _COMMENTS]
    items = [item_of(node) for node in nodes if node.type in _ENTRIES]
    found = [item for item in items if item is not None]
    return found if len(found) == len(nodes) else []


def _place(items: list[Item], added: AddedItems, text: str) -> tuple[int, Item, str, bool] | None:
    """Return where the new field goes, the field beside it, what is between two, and whether it goes after that one."""
    names = [item.name for item in items]
    if len(items) < 2 or not set(names) <= {*added.before, *added.after} or added.names[0] in names:
        return None
    is_after = bool(added.before)
    beside = added.before[-1] if is_after else added.after[0]
    if beside not in names:
        return None
    at = names.index(beside)
    gap = text[items[max(at - 1, 0)].span[1] : items[max(at, 1)].span[0]]
    like = items[at]
    return (like.span[is_after], like, gap, is_after) if gap.strip() == "," else None


def _entry(like: Item, name: str, variable: str, text: str) -> str:
    """Return a field with a variable, written as the one beside it."""
    start, end = like.span
    if like.node.type in _SHORT and name == variable:
        return name
    if not like.node.named_child_count or like.node.type.startswith("shorthand"):
        return f"{name}: {variable}"
    value = like.node.named_child(like.node.named_child_count - 1)
    first = value.start_byte if value is not None else end
    return text[start : like.leaf.start_byte] + name + text[like.leaf.end_byte : first] + variable
