"""Propagation of a changed name to where the same variable, function, type or member is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infill_completion.edits.names.builtin_names import is_known
from infill_completion.edits.names.fields import field_places, struct_of
from infill_completion.edits.names.imported import is_bound_by_import, may_be_respelled, uses_of_import
from infill_completion.edits.names.kinds import (
    MEMBERS,
    is_accessor,
    is_apart,
    is_assigned,
    is_export,
    is_field,
    is_of_outer_scope,
    is_parameter_property,
    is_shorthand,
    type_name,
)
from infill_completion.edits.names.occurrences import Occurrence, occurrences, scopes_around, type_around
from infill_completion.edits.names.rules import NameRules, rules_of
from infill_completion.edits.names.splits import may_be_two
from infill_completion.edits.proposal import Place
from infill_completion.edits.words import SELVES

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# What stands before a member of the type itself.
_OWN = SELVES | {"Self::"}
# Scopes whose names are known elsewhere; they are neither types nor functions.
_NAMESPACES = frozenset({"namespace_definition", "mod_item"})
# Its parameters are fields.
_RECORD = "record_declaration"


def renamed_places(
    tree: Tree,
    text: str,
    language_id: str,
    names: tuple[str, str],
    changed: Sequence[tuple[int, int]],
    *,
    brought: Sequence[tuple[int, int]] = (),
    at_definition: bool = False,
    is_sure: bool = False,
) -> list[Place] | None:
    """Return where else a name is to be changed.

    That is nowhere if the new name meant something before.

    Args:
        tree: The tree of the present text, with one byte for each character.
        text: The present text.
        language_id: LSP's language id.
        names: The old and the new name.
        changed: The offsets between which the user has changed it so, the last change first.
        brought: The offsets between which the change and later ones have brought the new name in.
        is_sure: Whether another document has changed it in the same way.
        at_definition: Whether nothing follows unless one of them is where it is defined.

    Returns:
        Ranges with the text that replaces each; None if it cannot be told what the name is, so that only what stands
        around it can say where the same change is due.
    """
    rules = rules_of(language_id)
    if rules is None:
        return None
    old, new = names
    left, fresh = occurrences(tree, text, old, rules), occurrences(tree, text, new, rules)
    here = [found for start, end in changed for found in fresh if start <= found.start < end]
    if not here or (at_definition and not any(_is_definition(found, rules) for found in here)):
        return None
    struct = next(filter(None, map(struct_of, here)), "")
    if struct:
        return field_places(names, left, fresh, struct, (tree, text), rules)
    fresh = [found for found in fresh if found.is_binding or found in here or not _is_within(found.start, brought)]
    same = _same(left, fresh, here, rules, is_known(language_id, new, text))
    is_repeated = len(changed) > 1
    if is_bound_by_import(here[0]):
        same = same if is_sure or is_repeated or may_be_respelled(names, here[0]) else []
    elif may_be_two(names, here, same, rules, is_repeated=is_repeated):
        same = []
    if at_definition and any(_is_definition(found, rules) for found in same):
        return []  # It has been defined anew since.
    if not same and not _is_identified(left, here, rules):
        return None
    return [_replacement(found, old, new) for found in same]


def _is_within(offset: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(start <= offset < end for start, end in ranges)


def _same(
    left: list[Occurrence], fresh: list[Occurrence], here: list[Occurrence], rules: NameRules, is_old: bool
) -> list[Occurrence]:
    """Return the other places of what has a new name; ``is_old`` says that its new name meant something."""
    if not left or any(is_of_outer_scope(found.node) for found in (*left, *fresh)):
        return []
    first = here[0]
    left = [found for found in left if is_apart(found.node, rules) == is_apart(first.node, rules)]
    if is_bound_by_import(first):
        return uses_of_import(left, fresh, here)
    if first.receiver or _is_member(first, rules):
        same = _of_members(left, fresh, here, rules)
    else:
        same = _of_variable(left, fresh, here, rules, is_old)
    if any(found.is_imported or is_parameter_property(found.node) for found in (*same, *here)):
        return []
    return same


def _is_identified(left: list[Occurrence], here: list[Occurrence], rules: NameRules) -> bool:
    """Return whether it can be told what was changed: a definition, or the use of a member that is defined here."""
    if any(found.is_binding or _is_member_definition(found, rules) for found in here):
        return True
    owners = {type_name(found.node) for found in here if found.receiver in _OWN} - {""}
    return any(
        _is_member_definition(found, rules)
        and is_apart(found.node, rules) == is_apart(here[0].node, rules)
        and type_name(found.node) in owners
        for found in left
    )


def _is_definition(found: Occurrence, rules: NameRules) -> bool:
    return found.is_binding or is_bound_by_import(found) or _is_member_definition(found, rules)


def _is_member_definition(found: Occurrence, rules: NameRules) -> bool:
    """Return whether a member is defined here, in any of the ways in which its language does that."""
    if found.receiver:
        return found.receiver in SELVES and is_assigned(found.node)
    if found.is_binding:
        return found.scope.type in {*rules.types, _RECORD} or is_parameter_property(found.node)
    return not found.is_label and (_is_member(found, rules) or is_field(found.node))


def _of_variable(
    left: list[Occurrence], fresh: list[Occurrence], here: list[Occurrence], rules: NameRules, is_old: bool
) -> list[Occurrence]:
    """Return the other places of a variable, function or type; ``is_old`` says that its new name meant something."""
    first = here[0]
    if first.is_label or first.is_imported:
        return []
    scope = _scope_of(first, left, here, rules)
    if scope is None or _is_taken(fresh, here, scope):
        return []
    if first.node.type in MEMBERS and scope.type not in rules.types:
        return []
    is_use = not any(found.is_binding for found in here)
    if is_use and (is_old or is_shorthand(first.node) or not _is_local(scope, rules)):
        return []
    same = _reached(left, here, scope, rules)
    return _until_rebound(same, here) if rules.may_rebind else same


def _is_local(scope: Node, rules: NameRules) -> bool:
    """Return whether what is bound in a scope is a local of a function or block."""
    return scope.parent is not None and scope.type not in rules.types and scope.type not in _NAMESPACES


def _scope_of(first: Occurrence, left: list[Occurrence], here: list[Occurrence], rules: NameRules) -> Node | None:
    """Return the scope of the changed name: where it is bound, or where the old one still is."""
    bound = next((found for found in here if found.is_binding), None)
    if bound is not None:
        return bound.scope
    owners = _known_from(left)
    around = scopes_around(first.node, rules)
    return next((scope for scope in around if owners.get(scope.id, first.start + 1) <= first.start), None)


def _known_from(found: Sequence[Occurrence]) -> dict[int, int]:
    """Return from where the name is known in each scope that binds it, by the number of the scope."""
    known = dict[int, int]()
    for one in found:
        if one.is_binding:
            known[one.scope.id] = min(one.known_from, known.get(one.scope.id, one.known_from))
    return known


def _is_taken(fresh: list[Occurrence], here: list[Occurrence], scope: Node) -> bool:
    """Return whether the new name stood in the scope before, or is known in it."""
    starts = {found.start for found in here}
    others = [found for found in fresh if found.start not in starts and not found.receiver and not found.is_label]
    return any(
        found.is_imported or _holds(scope, found.node) or (found.is_binding and _holds(found.scope, scope))
        for found in others
    )


def _reached(left: list[Occurrence], here: list[Occurrence], scope: Node, rules: NameRules) -> list[Occurrence]:
    """Return the occurrences of the old name that are the same variable."""
    known = {scope.id: 0} | _known_from([*left, *(found for found in here if found.scope.id == scope.id)])
    found = []
    for other in left:
        if other.receiver in SELVES and rules.has_bare_members and type_around(other.node, rules) == scope:
            found.append(other)
            continue
        if other.receiver or other.is_label or not (_holds(scope, other.node) or other.scope.id == scope.id):
            continue
        if other.node.type in MEMBERS and scope.type not in rules.types:
            continue
        chain = scopes_around(other.node, rules) if not other.is_binding else [other.scope]
        if other.node.type in MEMBERS:
            chain = [step for step in chain if step.type in rules.types]
        if _owner(chain, other, scope, known, rules) != scope:
            continue
        if scope.type in rules.types and not rules.has_bare_members and _is_deeper(other, scope, rules):
            continue
        found.append(other)
    return found


def _owner(chain: list[Node], other: Occurrence, scope: Node, known: dict[int, int], rules: NameRules) -> Node | None:
    """Return the scope of ``chain`` that binds the name; what a type binds is often hidden from its methods."""
    for step in chain:
        is_hidden = step != chain[0] and step.type in rules.types and not rules.has_bare_members
        is_known = step.id in known and (other.is_binding or known[step.id] <= other.start)
        if is_known and (step.id == scope.id or not is_hidden):
            return step
    return None


def _until_rebound(same: list[Occurrence], here: list[Occurrence]) -> list[Occurrence]:
    """Return the occurrences from the binding that counts for the changed name up to the next one."""
    bound = {found.known_from for found in (*same, *here) if found.is_binding}
    first = next((found for found in here if found.is_binding), None)
    begins = first.known_from if first else max((start for start in bound if start <= here[0].start), default=0)
    ends = min((start for start in bound if start > begins), default=None)
    return [
        found
        for found in same
        if (found.known_from == begins if found.is_binding else begins <= found.start and not _is_after(found, ends))
    ]


def _is_after(found: Occurrence, offset: int | None) -> bool:
    return offset is not None and found.start >= offset


def _is_deeper(other: Occurrence, scope: Node, rules: NameRules) -> bool:
    return scopes_around(other.node, rules)[0].id != scope.id and not other.is_binding


def _is_member(found: Occurrence, rules: NameRules) -> bool:
    """Return whether a name is that of a method or field, where it is defined."""
    if found.is_label or rules.has_bare_members:
        return False
    if found.is_binding:
        return found.scope.type in rules.types
    definition = found.node.parent
    body = definition.parent if definition is not None else None
    return found.node.type in MEMBERS and body is not None and body.type == "class_body"


def _of_members(
    left: list[Occurrence], fresh: list[Occurrence], here: list[Occurrence], rules: NameRules
) -> list[Occurrence]:
    """Return the other places of a member of the type around."""
    first = here[0]
    holder = type_around(first.node, rules)
    if holder is None or not any(_is_own_definition(found) for found in here):
        return []
    starts = {found.start for found in here}
    if any(found.start not in starts and _is_of(found, holder, rules) for found in fresh):
        return []
    same = [found for found in left if _is_of(found, holder, rules)]
    # What the user assigns by way of `self` may be another field than one that the type declares.
    return [] if first.receiver and not all(found.receiver for found in same) else same


def _is_own_definition(found: Occurrence) -> bool:
    """Return whether a member is defined here, if only by an assignment to it."""
    return not found.receiver or (found.receiver in SELVES and is_assigned(found.node))


def _is_of(found: Occurrence, holder: Node, rules: NameRules) -> bool:
    """Return whether an occurrence is a member of the type ``holder``, by way of ``self`` or at its definition."""
    around = type_around(found.node, rules)
    if around is None or around.id != holder.id:
        return False
    if not found.receiver and is_accessor(found.node) and found.scope.id == holder.id:
        return True
    return found.receiver in _OWN or (not found.receiver and _is_member(found, rules))


def _holds(outer: Node, inner: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _replacement(found: Occurrence, old: str, new: str) -> Place:
    text = f"{old}: {new}" if is_shorthand(found.node) else f"{new} as {old}" if is_export(found.node) else new
    return found.start, found.start + len(old), text
