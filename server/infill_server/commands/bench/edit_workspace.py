"""What the files of a repository import before a commit, for `infill-ls bench edits`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infill_completion.edits.imports.families import FAMILIES
from infill_completion.edits.imports.import_table import ImportTable
from infill_completion.edits.imports.reading.file_imports import FileImports, read_imports
from infill_completion.edits.imports.workspace_imports import MAX_BYTES, MAX_FILES, WorkspaceImports
from infill_completion.languages.registry import context_module_of, language_id_of
from infill_server.commands.bench.git import Git


class CommittedImports:
    """The imports of a repository's files, commit by commit.

    Args:
        repository: A folder in it.
    """

    def __init__(self, repository: Path) -> None:
        self._git = Git(repository)
        self._commit = ""
        self._blobs: dict[str, str] = {}  # by path
        self._tables = {family: ImportTable(family) for family in FAMILIES}
        self._read: dict[tuple[str, str], FileImports] = {}  # by path and blob

    def before(self, commit: str) -> WorkspaceImports:
        """Return the imports as they were before a commit."""
        if commit != self._commit:
            self._go_to(commit)
        return WorkspaceImports(self._tables.values())

    def _go_to(self, commit: str) -> None:
        blobs = dict(self._files(f"{commit}~"))
        for path in self._blobs.keys() - blobs.keys():
            self._tables[_family(path)].drop(f"/{path}")
        changed = {path: blob for path, blob in blobs.items() if self._blobs.get(path) != blob}
        texts = self._texts([blob for path, blob in changed.items() if (path, blob) not in self._read])
        for path, blob in changed.items():
            found = self._read.get((path, blob)) or read_imports(f"/{path}", _family(path), texts.get(blob, ""))
            self._read[path, blob] = found
            self._tables[_family(path)].put(found)
        self._commit, self._blobs = commit, blobs

    def _files(self, tree: str) -> Iterator[tuple[str, str]]:
        """Yield path and blob of each file whose imports are read."""
        count = dict.fromkeys(FAMILIES, 0)
        for line in self._git("ls-tree", "-r", "-z", "--full-tree", tree).decode("utf-8", "replace").split("\0"):
            about, _, path = line.partition("\t")
            family = _family(path)
            if family in FAMILIES and about.startswith("100") and count[family] < MAX_FILES:
                count[family] += 1
                yield path, about.split()[2]

    def _texts(self, blobs: list[str]) -> dict[str, str]:
        """Return the texts of blobs that are not too large."""
        answer = self._git("cat-file", "--batch", given="\n".join(blobs).encode()) if blobs else b""
        found, at = {}, 0
        for blob in blobs:
            head, start = answer[at : answer.index(b"\n", at)].split(), answer.index(b"\n", at) + 1
            size = int(head[2]) if len(head) == 3 else -1
            if 0 <= size <= MAX_BYTES:
                found[blob] = answer[start : start + size].decode("utf-8", "replace")
            at = start + size + 1
        return found


def _family(path: str) -> str:
    return context_module_of(language_id_of(path))
