"""The imports at the head of a file: groups of them, and where in one another import goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from infill_completion.document.lines import line_end, line_ending_of, line_start
from infill_completion.edits.imports.import_table import ImportTable
from infill_completion.edits.imports.order import entry, group_of, parts_of, sorted_key
from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement, ends_its_line
from infill_completion.edits.proposal import Place

# Comments that are about the line below.
_ABOUT_NEXT_LINE = re.compile(r"(?:#|//|/\*).*(?:ignore|disable-next|expect-error|noinspection|isort:|fmt:)")
# Families in which groups are set apart by a blank line wherever there is more than one.
_APART = frozenset({"python", "go", "java"})


class ImportHead:
    """The imports at the head of a file.

    Args:
        text: The document.
        table: What the workspace's files import.
        statements: The imports, at least one.
    """

    def __init__(self, text: str, table: ImportTable, statements: Sequence[ImportStatement]) -> None:
        self._text, self._family, self._ending = text, table.family, line_ending_of(text)
        named = {one.names[0].module.partition(".")[0] for one in statements if one.names}
        self._own = table.own_packages(named) if table.family == "python" else frozenset[str]()
        self._table = table
        self._groups = [group for group in _groups(text, statements) if any(one.names for one in group)]

    def place(self, name: ImportedName, written: str) -> Place | None:
        """Return the insertion of a statement that imports a name; None if it is not known where it goes."""
        if not self._groups:
            return None
        if self._family == "python":
            self._own |= self._table.own_packages({name.module.partition(".")[0]})
        kind, gap = self._kind(name), self._ending if self._family in _APART else ""
        fitting = [group for group in self._groups if kind in self._kinds(group)]
        if fitting:
            return self._within(max(fitting, key=lambda group: _nearness(group, name)), name, written)
        above = [group for group in self._groups if max(self._kinds(group)) < kind]
        if above:
            at = _below(self._text, above[-1][-1])
            return None if at is None else (at, at, f"{gap}{written}{self._ending}")
        at = line_start(self._text, self._groups[0][0].start)
        return None if self._belongs_below(at) else (at, at, f"{written}{self._ending}{gap}")

    def _kind(self, name: ImportedName) -> int:
        return group_of(name, self._family, self._own)

    def _kinds(self, group: Sequence[ImportStatement]) -> set[int]:
        return {self._kind(one.names[0]) for one in group if one.names}

    def _within(self, group: Sequence[ImportStatement], name: ImportedName, written: str) -> Place | None:
        """Return the insertion of a statement in a group: at its place if that is sorted, else at the end."""
        alike = [one for one in group if one.names and self._kind(one.names[0]) == self._kind(name)]
        key = sorted_key(alike, self._family)
        before = alike if key is None else [one for one in alike if key(entry(one, self._family)) <= key(name)]
        at = _below(self._text, before[-1]) if before else line_start(self._text, alike[0].start)
        if at is None or (not before and self._belongs_below(at)):
            return None
        return at, at, f"{written}{self._ending}"

    def _belongs_below(self, at: int) -> bool:
        """Return whether what is above a line is about it, as an attribute is, or whether it begins a block."""
        end = line_end(self._text, at)
        above = self._text[:at].rstrip()
        is_about_it = above.endswith("]") or _ABOUT_NEXT_LINE.search(above, line_start(above, len(above))) is not None
        return is_about_it or re.match(r"import\s*\(", self._text[at:end]) is not None


def _groups(text: str, head: Sequence[ImportStatement]) -> list[list[ImportStatement]]:
    """Return imports, parted where a blank line is between."""
    groups = [[head[0]]]
    for before, after in pairwise(head):
        lines = re.split(r"\r\n|\n|\r", text[before.end : after.start])
        if any(not line.strip() for line in lines[1:-1]):
            groups.append([])
        groups[-1].append(after)
    return groups


def _nearness(group: Sequence[ImportStatement], name: ImportedName) -> tuple[int, int]:
    """Return how many words at the beginning of modules of a group are those of the name's module."""
    own = parts_of(name)

    def shared(other: ImportedName) -> int:
        pairs = zip(own, parts_of(other), strict=False)
        return next((index for index, pair in enumerate(pairs) if pair[0] != pair[1]), len(own))

    return max(shared(one.names[0]) for one in group if one.names), len(group)


def _below(text: str, statement: ImportStatement) -> int | None:
    """Return the beginning of the line below a statement; None if there is none, or if its last line goes on."""
    at = line_end(text, statement.end)
    if at == len(text) or not ends_its_line(text, statement.end):
        return None
    return at + (2 if text.startswith("\r\n", at) else 1)
