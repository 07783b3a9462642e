"""A name that is added to the list of an import that is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from infill_completion.edits.imports.reading.statement import DEFAULT, NAMESPACE, WHOLE, ImportedName, ImportStatement
from infill_completion.edits.imports.writing import member_text
from infill_completion.edits.proposal import Place


def added_to_list(
    text: str,
    family: str,
    head: Sequence[ImportStatement],
    same: Sequence[ImportStatement],
    name: ImportedName,
    *,
    has_lists: bool,
) -> Place | None:
    """Return the change of an import that gets one more name; None if the file would write another import.

    Args:
        text: The document.
        family: The name of the language's modules.
        head: The imports of the head.
        same: Those of the same module.
        name: What to import.
        has_lists: Whether the file imports several names of a module in one statement.
    """
    if name.member in {WHOLE, NAMESPACE, DEFAULT} or family in {"java", "go"}:
        return None
    if family != "script" and not has_lists and not any(len(one.names) > 1 for one in same):
        return None  # Each is written for itself.
    if family == "rust":  # What an attribute is about may not be there.
        same = [one for one in same if not text[: one.start].rstrip().endswith("]")]
    fitting = [one for one in same if one.is_type == name.is_type and not one.is_public]
    listed = next((one for one in fitting if one.members is not None and _is_plain(text, one)), None)
    if listed is not None and listed.members is not None:
        return _inserted(text, listed.members, member_text(name, family))
    mixed = next((one for one in same if name.is_type and _has_types(text, one) and _is_plain(text, one)), None)
    if mixed is not None and mixed.members is not None:
        return _inserted(text, mixed.members, f"type {member_text(name, family)}")
    if family == "rust" and fitting and _has_braces(text, head) and fitting[0].members is None:
        return _made_list(text, fitting[0], name)
    return None


def _is_plain(text: str, statement: ImportStatement) -> bool:
    """Return whether a list has no comments, which may belong to its names."""
    assert statement.members is not None
    start, end = statement.members
    return not any(mark in text[start:end] for mark in ("//", "/*", "#", "\\"))


def _has_types(text: str, statement: ImportStatement) -> bool:
    """Return whether names of a TypeScript list say each for itself that they are types."""
    return statement.members is not None and re.search(r"\btype\s+\w", text[slice(*statement.members)]) is not None


def _has_braces(text: str, head: Sequence[ImportStatement]) -> bool:
    return any("{" in text[one.start : one.end] for one in head)


def _made_list(text: str, statement: ImportStatement, name: ImportedName) -> Place | None:
    """Return the change of a ``use`` of one name to one of two."""
    only = statement.names[0]
    start = text.rfind(only.member, statement.start, statement.end)
    if len(statement.names) != 1 or only.is_renamed or start < 0:
        return None
    both = sorted([only.member, member_text(name, "rust")], key=_rust_rank)
    return start, start + len(only.member), f"{{{', '.join(both)}}}"


def _inserted(text: str, members: tuple[int, int], new: str) -> Place | None:
    """Return the insertion of a name into a list, at its place if that is sorted and at the end if not."""
    start, end = members
    items = items_of(text, start, end)
    if not items:
        return None
    names = [item[2] for item in items]
    key = next((key for key in _KEYS if _is_sorted([key(name) for name in names])), None)
    index = sum(key(name) <= key(new) for name in names) if key is not None else len(items)
    between = _between(text, items, start)
    if index < len(items):
        at = items[index][0]
        return at, at, f"{new},{between}"
    at = items[-1][1]
    return at, at, f",{between}{new}"


def _between(text: str, items: Sequence[tuple[int, int, str]], start: int) -> str:
    """Return the blanks between a comma of the list and the next name."""
    if len(items) > 1:
        return text[items[-2][1] : items[-1][0]].partition(",")[2] or " "
    before = text[start : items[0][0]]
    return before if "\n" in before else " "


def items_of(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Return the names of a list with their offsets; a list in it counts as a part of its name."""
    found, depth, first = [], 0, start
    for at in range(start, end + 1):
        mark = text[at] if at < end else ","
        depth += (mark == "{") - (mark == "}")
        if mark == "," and depth == 0:
            item = text[first:at]
            if item.strip():
                low = first + len(item) - len(item.lstrip())
                found.append((low, low + len(item.strip()), item.strip()))
            first = at + 1
    return found


def _is_sorted(keys: Sequence[tuple[int, str]]) -> bool:
    return all(low <= high for low, high in pairwise(keys))


def _rust_rank(name: str) -> tuple[int, str]:
    """Return a name's place in the order of rustfmt: modules and functions, types, then constants."""
    return 2 - _rank(name)[0], name


def _rank(name: str) -> tuple[int, str]:
    """Return a name's place in the order of isort: constants, classes, then all others."""
    plain = name.removeprefix("type ")
    kind = 0 if plain.isupper() and len(plain) > 1 else 1 if plain[:1].isupper() else 2
    return kind, plain


_KEYS: tuple[Callable[[str], tuple[int, str]], ...] = (
    _rank,
    _rust_rank,
    lambda name: (0, name.removeprefix("type ").lower()),
    lambda name: (0, name.removeprefix("type ")),
)
