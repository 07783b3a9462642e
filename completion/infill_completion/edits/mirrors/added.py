"""What a change added to a list: fields of a type, parameters, branches, entries of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.by_example.examples import Example
from infill_completion.edits.mirrors.spellings import HOLE, forms
from infill_completion.edits.tokens import OPENERS, Lexeme, LexemeKind, tokens_of
from infill_completion.edits.words import SELVES

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# So many items may be added at once.
MAX_ADDED = 4
# So many neighbours on each side are looked at.
MAX_NEIGHBOURS = 40
_MAX_DEPTH = 12
_MAX_NAME = 100
_SEPARATORS = frozenset({",", ";", "|", "||", "&&"})
_BESIDE = frozenset({"comment", "line_comment", "block_comment", "attribute_item", "decorator", "modifiers"})
_PARAMETER = "parameter"
_ARGUMENTS = frozenset({"argument_list", "arguments"})
_PARAMETERS = frozenset({"parameters", "formal_parameters", "parameter_list"})
_ARE_FIELDS = frozenset(
    {
        _PARAMETER, "field_declaration", "public_field_definition", "property_signature", "field_initializer",
        "shorthand_field_initializer", "keyword_argument", "initializer_pair", "keyed_element",
        "expression_statement assignment", "expression_statement assignment_expression",
    }
)  # fmt: skip
# Fields of a type, the nodes of types, and how far apart they may be.
_OF_TYPES = frozenset(
    {"field_declaration", "property_signature", "public_field_definition", "expression_statement assignment"}
)
_TYPES = frozenset(
    {"class_definition", "interface_declaration", "type_spec", "struct_item", "struct_specifier", "class_specifier"}
)
_LEVELS = 4
# What makes a field one that may be left out.
_OPTIONAL = frozenset({"=", "?"})
# Nodes whose last child is the name: what follows a dot, or what something is compared with.
_NAMED_LAST = frozenset(
    {
        "attribute", "member_expression", "field_access", "field_expression", "selector_expression",
        "scoped_identifier", "qualified_identifier", "dotted_name", "comparison_operator", "binary_expression",
    }
)  # fmt: skip
# Fields that lead to the name of an item, the surest first.
_FIELDS = ("declarator", "name", "left", "key", "pattern", "designator", "field", "condition", "arguments", "value")


@dataclass(frozen=True)
class AddedItems:
    """Items that were added to a list.

    Attributes:
        names: Their names.
        typed: Where the last name begins and ends, with the quotation mark that opens a string.
        before: The names of the items before them, the nearest last.
        after: The names of the items after them, the nearest first.
        spans: The offsets of all of these items, in the order of the document.
        shapes: What they are like, as tokens with holes for their names.
        are_alike: Whether each is like the one beside them but for the name.
        are_fields: Whether they are fields, parameters or arguments, rather than branches, entries or definitions.
        are_parameters: Whether they are parameters.
        owner: The name of the type that they are fields of; empty if they are of none.
        has_default: Whether one may be left out.
    """

    names: tuple[str, ...]
    typed: tuple[int, int]
    before: tuple[str, ...]
    after: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    shapes: frozenset[tuple[str, ...]]
    are_alike: bool
    are_fields: bool
    are_parameters: bool
    owner: str
    has_default: bool

    @property
    def are_bare(self) -> bool:
        """Whether they are nothing but names, or strings."""
        return _are_bare(self.shapes)


@dataclass(frozen=True)
class Item:
    """An item of a list.

    Attributes:
        node: Its node.
        leaf: The name in it, or the string.
        name: The name by which it is known.
    """

    node: Node
    leaf: Node
    name: str

    @property
    def span(self) -> tuple[int, int]:
        """Its offsets."""
        return self.node.start_byte, self.node.end_byte


def added_range(before: str, after: str, language_id: str) -> tuple[int, int] | None:
    """Return where in the new lines something was added, without separators; None if anything else was changed."""
    example = Example.of(before, after, language_id)
    if example is None or example.old:
        return None
    first, count, tokens = example.first, len(example.new), example.after
    # Where tokens repeat, as in `int a, int b`, what was added may as well begin before.
    while not _may_begin(tokens, first) and first and tokens[first - 1].text == tokens[first + count - 1].text:
        first -= 1
    new = tokens[first : first + count]
    while new and new[0].text in _SEPARATORS:
        del new[0]
    while new and new[-1].text in _SEPARATORS:
        del new[-1]
    return (new[0].start, new[-1].end) if new else None


def _may_begin(tokens: Sequence[Lexeme], first: int) -> bool:
    """Return whether an item or its separator begins at a token."""
    return first == 0 or tokens[first].text in _SEPARATORS or tokens[first - 1].text in _SEPARATORS | OPENERS.keys()


def added_items(tree: Tree, text: str, span: tuple[int, int], language_id: str) -> AddedItems | None:
    """Return the items that begin between two offsets; None if it is no list that they begin in.

    Args:
        tree: The tree of the document, with one byte for each character.
        text: The document.
        span: Where what was added begins and ends.
        language_id: LSP's language id.
    """
    container = _container(tree, *span)
    if container is None:
        return None
    nodes = list(islice(_children(container, *span), MAX_ADDED + 1))
    if not 0 < len(nodes) <= MAX_ADDED or len({_type(node) for node in nodes}) > 1:
        return None
    new = [item for item in map(item_of, nodes) if item is not None]
    if len(new) < len(nodes):
        return None
    before, after = list(_beside(nodes[0], forward=False))[::-1], list(_beside(nodes[-1], forward=True))
    names = [item.name for item in (*before, *new, *after)]
    if len(set(names)) < len(names) or not (before or after):
        return None
    beside = {_shape(item, text, language_id) for item in (*before[-1:], *after[:1])}
    shapes = frozenset(_shape(item, text, language_id) for item in new)
    if container.type in _ARGUMENTS and _are_bare(shapes):
        return None  # What one call is given says little of other calls.
    leaf = new[-1].leaf
    return AddedItems(
        tuple(item.name for item in new),
        (leaf.start_byte, leaf.end_byte - ("string" in leaf.type)),
        tuple(item.name for item in before),
        tuple(item.name for item in after),
        tuple(item.span for item in (*before, *new, *after)),
        shapes,
        shapes <= beside,
        _type(nodes[0]) in _ARE_FIELDS,
        _type(nodes[0]) == _PARAMETER,
        _owner(nodes[0]),
        any(not _OPTIONAL.isdisjoint(child.type for child in _parts(node)) for node in nodes),
    )


def _are_bare(shapes: frozenset[tuple[str, ...]]) -> bool:
    return all(len(shape) == 1 for shape in shapes)


def _container(tree: Tree, start: int, end: int) -> Node | None:
    """Return the innermost node that begins before what was added and goes on to its end."""
    node = tree.root_node.descendant_for_byte_range(start, max(end - 1, start))
    if node is None or node.start_byte < start:
        return node
    return next((around for around in ancestors(node) if around.start_byte < start), None)


def _children(container: Node, start: int, end: int) -> Iterator[Node]:
    """Yield the items of a list that begin between two offsets."""
    inner = container.descendant_for_byte_range(start, start)
    around = pairwise((inner, *ancestors(inner))) if inner is not None else iter(())
    # Of a list of thousands only these are made nodes of Python's.
    node = next((item for item, outer in around if outer == container), None)
    while node is not None and node.start_byte < end:
        if node.is_named and node.start_byte >= start and node.type not in _BESIDE:
            yield node
        node = node.next_named_sibling


def _beside(node: Node, *, forward: bool) -> Iterator[Item]:
    """Yield the items beside one, the nearest first, up to one that is of another kind or has no name."""
    kind = _type(node)
    for _ in range(MAX_NEIGHBOURS):
        beside = node.next_named_sibling if forward else node.prev_named_sibling
        if beside is None:
            return
        node = beside
        if node.type in _BESIDE:
            continue
        item = item_of(node) if _type(node) == kind else None
        if item is None:
            if kind == "elif_clause" and not forward and node.parent is not None:
                # The branch before the first one is the statement itself.
                condition = node.parent.child_by_field_name("condition")
                first = item_of(condition) if condition is not None else None
                if first is not None:
                    yield first
            return
        if item.name not in SELVES:
            yield item


def _owner(node: Node) -> str:
    """Return the name of the type that an item is a field of; empty if it is of none."""
    if _type(node) not in _OF_TYPES:
        return ""
    for around in islice(ancestors(node), _LEVELS):
        if around.type.endswith("function_definition"):
            return ""
        name = around.child_by_field_name("name") if around.type in _TYPES else None
        if name is not None:
            return (name.text or b"").decode()
    return ""


def _parts(node: Node) -> list[Node]:
    """Return the parts of a field; of a statement, those of what it does."""
    inner = node.named_child(0) if node.type == "expression_statement" else None
    return list(inner.children if inner is not None else node.children)


def item_of(node: Node) -> Item | None:
    """Return an item with the name by which it is known; None if it has none."""
    leaf: Node | None = node
    for _ in range(_MAX_DEPTH):
        if leaf is None:
            return None
        if leaf.type.endswith(("string", "string_literal")):
            name = (leaf.text or b"").decode().lstrip("rbfuRBFUL").strip("\"'`")
            return Item(node, leaf, name) if name and "\n" not in name and len(name) <= _MAX_NAME else None
        if not leaf.named_child_count:
            name = (leaf.text or b"").decode()
            return Item(node, leaf, name) if leaf.type.endswith("identifier") and name != "_" else None
        leaf = _towards_name(leaf)
    return None


def _towards_name(node: Node) -> Node | None:
    if node.type in _NAMED_LAST:
        return node.named_child(node.named_child_count - 1)
    following = next((found for field in _FIELDS if (found := node.child_by_field_name(field))), None)
    return following or next((child for child in node.named_children if child.type not in _BESIDE), None)


def _type(node: Node) -> str:
    """Return the kind of an item: all parameters are of one kind, statements are of that of what they do."""
    if node.parent is not None and node.parent.type in _PARAMETERS:
        return _PARAMETER
    child = node.named_child(0) if node.type == "expression_statement" and node.named_child_count else None
    return f"{node.type} {child.type}" if child is not None else node.type


def _shape(item: Item, text: str, language_id: str) -> tuple[str, ...]:
    """Return the tokens of an item with holes for its name and for numbers."""
    start, end = item.span
    tokens = [token for token in tokens_of(text, language_id, start, end) if token.kind is not LexemeKind.COMMENT]
    return tuple(
        HOLE
        if token.kind is LexemeKind.NUMBER
        else min((template for _, template in forms(token.text, item.name)), default=token.text)
        for token in tokens
    )
