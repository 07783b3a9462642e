"""Where what was added to a list is due in those that mirror it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.by_example.regions import is_literal
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.mirrors.added import AddedItems
from infill_completion.edits.mirrors.known import is_declared_by, unknown_name
from infill_completion.edits.mirrors.row_search import RowSearch
from infill_completion.edits.mirrors.rows import ItemRow
from infill_completion.edits.proposal import Place

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# How many characters around a row must be without the new name.
_NEAR = 300
# What two items have in common may be chance.
_FEW = 3
_VALUES = frozenset(
    {"pattern_list", "expression_list", "tuple_pattern", "tuple", "tuple_expression", "array_pattern", "array"}
)
_SIDES = ("left", "right", "pattern", "name", "value")
TOO_FEW = "too few of the others are there"
UNLIKE_OTHERS = "what you have added is not like the others, so that what goes with it may not be either"
OTHER_TYPE = "it is declared in another way there"
ONE_SIDE = "the other side of the assignment would need one more as well"
UNKNOWN = "a name in it is not known there"
FORMATTED = "a format string says how many there are"
IN_TEXT = "it is in a regular expression, a string or text"
# Parts of the names of nodes that hold text.
_TEXTS = ("string", "comment", "regex", "jsx_text", "heredoc")


@dataclass(frozen=True)
class DueItems:
    """What is due in one place.

    Attributes:
        place: The change.
        learnt: What it was learnt from, to read.
        objection: Why it is not proposed; empty if it is.
    """

    place: Place
    learnt: str
    objection: str = ""


def mirrored(
    added: AddedItems, document: EditedDocument, check: Callable[[], None], *, is_here: bool
) -> Iterator[DueItems]:
    """Yield what is due in the rows of a document that mirror a list and are without what was added to it.

    Args:
        added: What was added to the list.
        document: The document.
        check: Called often; raises an error if someone else needs the time.
        is_here: Whether the list is in this document.
    """
    search = RowSearch(added, document, added.spans if is_here else (), check)
    places = set[tuple[int, str]]()
    for row in search.all():
        start, end = _around(row, document.tree)
        is_done = any(search.has(name, start, end) for name in added.names)
        place = None if is_done else _due(row, added)
        if place is not None and (place[0], place[2]) not in places:
            places.add((place[0], place[2]))
            yield DueItems(place, str(row), _objection(row, added, document))


def _around(row: ItemRow, tree: Tree | None) -> tuple[int, int]:
    """Return the offsets of what a row is in, as far as that is near."""
    start, end = row.span(0)[0], row.span(len(row.names) - 1)[1]
    low, high = start - _NEAR, end + _NEAR
    inner = tree.root_node.descendant_for_byte_range(start, end - 1) if tree is not None else None
    if inner is None:
        return low, high
    first = inner.start_byte
    # What follows in a chain of operators or calls is around what is before.
    *_, outer = inner, *takewhile(lambda node: node.start_byte == first, ancestors(inner))
    return max(low, outer.start_byte), min(high, outer.end_byte)


def _due(row: ItemRow, added: AddedItems) -> Place | None:
    """Return what is to be added to a row; None if its items are not those beside, or if it is there already."""
    last = row.names.index(added.before[-1]) if added.before and added.before[-1] in row.names else None
    first = row.names.index(added.after[0]) if added.after and added.after[0] in row.names else None
    if (last is None) == bool(added.before) or (first is None) == bool(added.after):
        return None
    begins, ends = row.is_apart
    if (last is None and not begins) or (first is None and not ends):
        return None
    like = last if last is not None else first or 0
    items, gap = _items(row, added, like), row.gap(like)
    if items is None or gap is None:
        return None
    if last is not None:
        return row.span(like)[1], row.span(like)[1], "".join(gap + item for item in items)
    return row.span(like)[0], row.span(like)[0], "".join(item + gap for item in items)


def _items(row: ItemRow, added: AddedItems, like: int) -> list[str] | None:
    items = [row.item(like, name) for name in added.names]
    found = [item for item in items if item is not None]
    return found if len(found) == len(items) else None


def _objection(row: ItemRow, added: AddedItems, document: EditedDocument) -> str:
    """Return why a row is left as it is; empty if nothing speaks against it."""
    has_literal = any(isinstance(part, str) and is_literal(token) for part, token in row.first_item())
    like = row.names.index(added.before[-1] if added.before else added.after[0])
    names = [new for name in added.names for new in row.new_names(like, name)]
    is_declared = is_declared_by(document, names)
    if not _is_enough(row, added, is_given=has_literal or is_declared):
        return TOO_FEW if added.are_alike else UNLIKE_OTHERS
    if _is_in_text(row, document.tree):
        return IN_TEXT
    if _is_one_side(row, document.tree):
        return ONE_SIDE
    if row.is_formatted:
        return FORMATTED
    if is_declared and row.length > 1 and row.shape not in added.shapes:
        return OTHER_TYPE
    return UNKNOWN if unknown_name(document, names, added.names) else ""


def _innermost(row: ItemRow, tree: Tree | None) -> Node | None:
    """Return the innermost node around a row."""
    start, end = row.span(0)[0], row.span(len(row.names) - 1)[1]
    return tree.root_node.descendant_for_byte_range(start, end - 1) if tree is not None else None


def _is_in_text(row: ItemRow, tree: Tree | None) -> bool:
    """Return whether what looks like a row is a part of a text, as between the `|` of a regular expression."""
    around = _innermost(row, tree)
    return around is not None and any(kind in around.type for kind in _TEXTS)


def _is_one_side(row: ItemRow, tree: Tree | None) -> bool:
    """Return whether a row is one side of an assignment that has several values on either."""
    around = _innermost(row, tree)
    statement = around.parent if around is not None and around.type in _VALUES else None
    named = [statement.child_by_field_name(name) for name in _SIDES] if statement is not None else []
    sides = [side for side in named if side is not None]
    return len(sides) > 1 and all(side.named_child_count > 1 for side in sides) and around in sides


def _is_enough(row: ItemRow, added: AddedItems, *, is_given: bool) -> bool:
    """Return whether enough of the other items are in a row.

    Args:
        row: The row.
        added: What was added to the list.
        is_given: Whether the row gives its items types or values that have nothing to do with the names.
    """
    count, holes = len(row.names), sum(not isinstance(part, str) for part in row.pattern)
    is_full = count == len(added.before) + len(added.after)
    if count < _FEW:
        return is_full and holes > 1 and not is_given
    if not added.are_alike:
        is_between = bool(added.before) and bool(added.after)
        # A call hands on parameters of any type; what else is done with one thing need not be done with another.
        return not is_given and ((is_full and added.are_parameters) or ((is_full or is_between) and holes > 1))
    # Names alone are always alike.
    return is_full or not added.are_bare or (count > _FEW and not is_given)
