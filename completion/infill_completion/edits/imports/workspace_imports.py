"""What the files of a workspace import, read in small steps in between requests."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from infill_completion.context.source_walk import FRESH_S, PIECE_MS, IsPrivate, walk_sources
from infill_completion.document.files import read_source
from infill_completion.document.workspace import OpenDocument
from infill_completion.edits.imports.families import FAMILIES
from infill_completion.edits.imports.import_table import ImportTable
from infill_completion.edits.imports.reading.file_imports import FileImports, read_imports
from infill_completion.languages.registry import context_module_of, language_id_of
from infill_completion.privacy.rules import path_of

MAX_FILES = 4000
MAX_BYTES = 400_000
# Open documents whose imports are kept.
_MAX_OPENED = 64


class WorkspaceImports:
    """The imports of a workspace, a table for each language family; belongs to one thread at a time.

    Args:
        tables: What is known already.
    """

    def __init__(self, tables: Iterable[ImportTable] = ()) -> None:
        self._tables = {table.family: table for table in tables}
        self._stamps: dict[str, dict[str, int]] = {}
        self._finished_s: dict[str, float] = {}
        self._opened: OrderedDict[str, tuple[int, FileImports]] = OrderedDict()
        self._of: tuple[object, ...] = ()
        self._steps: tuple[str, Iterator[None]] | None = None

    def table(self, language_id: str) -> ImportTable | None:
        """Return the table for a language; None for one whose imports are not read."""
        family = context_module_of(language_id)
        if family not in FAMILIES:
            return None
        return self._tables.setdefault(family, ImportTable(family))

    def open(self, language_id: str, documents: Sequence[OpenDocument], roots: Sequence[Path]) -> ImportTable | None:
        """Return the table for a language, with open documents as they are now."""
        table = self.table(language_id)
        if table is not None:
            table.open([self._read(document, table.family, roots) for document in documents])
        return table

    def is_fresh(self, language_id: str, roots: Sequence[Path], settings: object) -> bool:
        """Return whether there is nothing to read now for a language.

        Args:
            language_id: The language.
            roots: The folders of the workspace.
            settings: What says which files are private; if it has changed, all is forgotten.
        """
        if self._of != (tuple(roots), settings):
            self._of = tuple(roots), settings
            self.forget()
        family = context_module_of(language_id)
        done_s = self._finished_s.get(family)
        return family not in FAMILIES or not roots or (done_s is not None and time.monotonic() - done_s < FRESH_S)

    def forget(self) -> None:
        """Forget all, so that it is read again."""
        self._tables, self._stamps, self._finished_s, self._steps = {}, {}, {}, None

    def read_on(self, language_id: str, roots: Sequence[Path], is_private: IsPrivate) -> bool:
        """Read files for some milliseconds, and return whether there are more."""
        family = context_module_of(language_id)
        if self._steps is None or self._steps[0] != family:
            self._steps = family, self.steps(language_id, roots, is_private)
        ends = time.perf_counter() + PIECE_MS / 1000
        for _ in self._steps[1]:
            if time.perf_counter() > ends:
                return True
        self._steps = None
        return False

    def steps(self, language_id: str, roots: Sequence[Path], is_private: IsPrivate) -> Iterator[None]:
        """Read new and changed files of a language family and forget deleted ones; each step takes a millisecond."""
        family, table = context_module_of(language_id), self.table(language_id)
        if table is None:
            return
        stamps = self._stamps.setdefault(family, {})
        seen = set[str]()
        for path, changed in walk_sources(roots, lambda name: _is_of(name, family), is_private):
            yield
            if path is None:
                continue
            if len(seen) >= MAX_FILES:
                break
            key = slashed(path, roots)
            seen.add(key)
            if stamps.get(key) != changed:
                text = read_source(path, MAX_BYTES)
                table.put(read_imports(key, family, text or ""))
                stamps[key] = changed
        for gone in stamps.keys() - seen:
            table.drop(gone)
            del stamps[gone]
        self._finished_s[family] = time.monotonic()

    def _read(self, document: OpenDocument, family: str, roots: Sequence[Path]) -> FileImports:
        known, stamp = self._opened.pop(document.uri, None), hash(document.text)
        if known is None or known[0] != stamp:
            known = stamp, read_imports(path_in_workspace(document.uri, roots), family, document.text)
        self._opened[document.uri] = known
        while len(self._opened) > _MAX_OPENED:
            self._opened.popitem(last=False)
        return known[1]


def _is_of(name: str, family: str) -> bool:
    return context_module_of(language_id_of(name)) == family


def path_in_workspace(uri: str, roots: Sequence[Path]) -> str:
    """Return the path of a document from the workspace's folder, with slashes and one at the beginning."""
    if ":" not in uri and not uri.startswith("/"):
        return f"/{uri}"
    path = path_of(uri)
    return slashed(path, roots) if path is not None else f"/{uri.replace(':', '/')}"


def slashed(path: Path, roots: Sequence[Path]) -> str:
    """Return the path of a file from the folder of the workspace around it, with slashes and one at the beginning."""
    root = next((root for root in roots if path.is_relative_to(root)), None)
    written = path.as_posix() if root is None else path.relative_to(root).as_posix()
    if root is not None and len(roots) > 1:
        written = f"{root.as_posix()}/{written}"
    return written if written.startswith("/") else f"/{written}"
