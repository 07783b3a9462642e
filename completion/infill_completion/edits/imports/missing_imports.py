"""Imports of names that the user has just used and that nothing binds, as other files import them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from infill_completion.edits.ancestors import ancestors
from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import Hunk
from infill_completion.edits.imports.ambient_names import is_ambient
from infill_completion.edits.imports.fresh_names import fresh_names
from infill_completion.edits.imports.import_table import ImportTable, ImportWay
from infill_completion.edits.imports.importing_file import ImportingFile, in_manner_of, is_sure
from infill_completion.edits.imports.placing import import_place
from infill_completion.edits.imports.reading.statement import ImportStatement
from infill_completion.edits.imports.references import (
    free_references,
    is_type_only,
)
from infill_completion.edits.names.rules import NameRules, rules_of
from infill_completion.edits.proposal import Place
from infill_completion.privacy.masking import mask_secrets

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# New names that are looked at.
_MAX_NAMES = 60
# One file in ten may import another thing of the same name: of 93 names that so many files import in one way, 92 were
# the usual one where an import was taken away from files of six projects.
_NEARLY_ALL = 0.9
# What one other file of a crate imports was another thing in 3 of 7 places in clap, and in 1 of 7 with two files.
_MIN_FILES_IN_RUST = 2


BOUND = "the file binds it, may do so, or used it before"
AT_ODDS = "other files import other things by this name, or none that would be the same here"
ELSEWHERE = "it may be known here without an import"
MASKED = "its import has a key or a password in it"
NO_PLACE = "it is not known where its import would go"


@dataclass(frozen=True)
class MissingImport:
    """A name that changes brought in and that other files import.

    Attributes:
        name: The name.
        place: The import that is due; None if there is none.
        reason: Why it is not.
    """

    name: str
    place: Place | None
    reason: str = ""


def missing_imports(
    hunks: Sequence[Hunk], typed: int, document: EditedDocument, table: ImportTable, path: str
) -> Iterator[MissingImport]:
    """Yield the names that changes brought in and that other files import, with the import where it is due.

    It is due only if all other files that have the name import it in one way, and if every occurrence of the name in
    the document is surely a use, in lines that were changed.

    Args:
        hunks: The changes of the document.
        typed: The line of the cursor, whose names are not done yet.
        document: The document.
        table: What other files import.
        path: The file, with slashes and one at the beginning.
    """
    language_id = document.request.language_id
    rules, tree = rules_of(language_id), document.tree
    names = importable_names(hunks, typed, language_id, table)
    if rules is None or tree is None or not names:
        return
    spans = [document.span(hunk.first, hunk.end) for hunk in hunks]
    missing = _Missing(document, tree, rules, table, path)
    for name in names:
        found = missing.place(name, spans)
        yield MissingImport(name, None, found) if isinstance(found, str) else MissingImport(name, found)


def first_due(found: Iterator[MissingImport], *, is_explained: bool) -> tuple[list[Place], str]:
    """Return the first import that is due, if any, and what is said of each name if somebody wants to read it."""
    if not is_explained:
        return list(islice((one.place for one in found if one.place is not None), 1)), ""
    names = list(found)
    said = "; ".join(f"{one.name}: {one.reason or 'other files import it in one way'}" for one in names)
    return [one.place for one in names if one.place is not None][:1], said


def importable_names(hunks: Sequence[Hunk], typed: int, language_id: str, table: ImportTable) -> list[str]:
    """Return the names that changes brought in on other lines than the cursor's, and that other files import."""
    if table.is_empty:
        return []
    done = [tuple(line for number, line in enumerate(hunk.after, hunk.first) if number != typed) for hunk in hunks]
    fresh = fresh_names([hunk.before for hunk in hunks], done, language_id)
    found = (name for name in sorted(fresh) if table.has_name(name) and not is_ambient(table.family, name))
    return list(islice(found, _MAX_NAMES))


class _Missing:
    """Looks for missing imports of one document."""

    def __init__(self, document: EditedDocument, tree: Tree, rules: NameRules, table: ImportTable, path: str) -> None:
        self._document, self._tree, self._rules, self._table, self._path = document, tree, rules, table, path
        self._text, self._family = document.request.text, table.family
        self._file = ImportingFile(self._text, path, table)

    def place(self, name: str, spans: Sequence[tuple[int, int]]) -> Place | str:
        """Return the import of a name, or why there is none; it has to be used within spans of the text alone."""
        uses = free_references(self._tree, self._text, name, self._family, self._rules, spans)
        if not uses or self._is_bound(name, uses):
            return BOUND
        way = self._way(name)
        if way is None:
            return AT_ODDS
        if not is_sure(uses, way, self._file):
            return ELSEWHERE
        way = replace(way, name=in_manner_of(self._file, way.name))
        place = import_place(self._tree, self._text, self._table, self._path, way, is_type=self._is_type(uses, way))
        if place is not None and mask_secrets(place[2]).kinds:
            return MASKED
        return NO_PLACE if place is None else place

    def _way(self, name: str) -> ImportWay | None:
        """Return the way in which all other files import a name, or nearly all."""
        ways = self._table.ways(name, self._path, has_endings=self._file.has_endings)
        way = max(ways, key=lambda way: way.files, default=None)
        if way is None:
            return None
        files = sum(one.files for one in ways)
        if way.files < _NEARLY_ALL * files:
            return None
        is_of_language = way.name.module.partition("::")[0] in {"std", "core", "alloc"}
        is_enough = self._family != "rust" or is_of_language or way.files >= _MIN_FILES_IN_RUST
        return way if is_enough else None

    def _is_bound(self, name: str, uses: Sequence[Node]) -> bool:
        """Return whether an import binds a name or may do so, or one at the head would not reach its uses."""
        if self._family == "rust" and any(around.type == "mod_item" for use in uses for around in ancestors(use)):
            return True
        for statement in self._file.statements:
            if any(one.name == name for one in statement.names):
                return True
            if statement.is_wild and any(self._is_in_scope(use, statement) for use in uses):
                return True
        return False

    def _is_in_scope(self, use: Node, statement: ImportStatement) -> bool:
        """Return whether a statement is known where a name is used."""
        node = self._tree.root_node.named_descendant_for_byte_range(statement.start, statement.end)
        scope = node.parent if node is not None else None
        return statement.is_top or scope is None or scope.start_byte <= use.start_byte < scope.end_byte

    def _is_type(self, uses: Sequence[Node], way: ImportWay) -> bool:
        """Return whether TypeScript's ``import type`` is due."""
        if self._family != "script" or not is_type_only(uses):
            return False
        return 2 * way.types > way.files or any(statement.is_type for statement in self._file.statements)
