"""What the workspace's files import: the ways in which a name comes into them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from infill_completion.edits.imports.modules import crate_of, has_ending, resolved, without_ending, written
from infill_completion.edits.imports.reading.file_imports import FileImports
from infill_completion.edits.imports.reading.statement import WHOLE, ImportedName

# Families in which what few files import counts only near them: of 33 names that a single file of this project or vite
# imported, 5 were other things of the same name; in Java and Go none of 37.
_BY_PLACE = frozenset({"python", "script"})
_FEW = 4
# Packages that are not imported by what they are for.
_ASIDE = frozenset({"benchmarks", "docs", "examples", "test", "tests"})
# Files of which each is compared with every other.
_MAX_COMPARED = 200


@dataclass(frozen=True)
class ImportWay:
    """How other files import a name.

    Attributes:
        name: What to import, as the file at hand has to write it.
        files: How many files import it so.
        types: How many of them import it only as a type.
    """

    name: ImportedName
    files: int
    types: int


ImportUse = tuple[FileImports, ImportedName]


class ImportTable:
    """The imports of the files of one language family, by name.

    Open documents count instead of their files.
    """

    def __init__(self, family: str) -> None:
        self.family = family
        self._files: dict[str, FileImports] = {}
        self._by_name: dict[str, dict[str, ImportedName]] = {}
        self._opened: dict[str, FileImports] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no file is known."""
        return not self._files and not self._opened

    def put(self, file: FileImports) -> None:
        """Add a file, or take it as it is now."""
        self.drop(file.path)
        self._files[file.path] = file
        for name in file.names:
            self._by_name.setdefault(name.name, {})[file.path] = name

    def drop(self, path: str) -> None:
        """Forget a file."""
        known = self._files.pop(path, None)
        for name in known.names if known is not None else ():
            self._by_name.get(name.name, {}).pop(path, None)

    def open(self, files: Iterable[FileImports]) -> None:
        """Take open documents as they are now, and no others."""
        self._opened = {file.path: file for file in files}

    def files(self) -> Iterator[FileImports]:
        """Yield each file."""
        yield from self._opened.values()
        yield from (file for path, file in self._files.items() if path not in self._opened)

    @property
    def has_lists(self) -> bool:
        """Whether the files import several names of a module in one statement rather than in one for each."""
        return sum(file.lists - file.repeats for file in self.files()) >= 0

    def has_name(self, name: str) -> bool:
        """Return whether a file imports a name."""
        return bool(self._by_name.get(name)) or any(
            one.name == name for file in self._opened.values() for one in file.names
        )

    def has_file(self, path: str) -> bool:
        """Return whether there is a file."""
        return path in self._files or path in self._opened

    def own_packages(self, names: Iterable[str]) -> frozenset[str]:
        """Return those Python packages and modules that are of the workspace, as far as paths tell."""
        found = {name for name in names if name}
        parts = {part.removesuffix(".py") for file in self.files() for part in file.path.split("/")}
        return frozenset(found & parts)

    def ways(self, name: str, path: str, *, has_endings: bool | None = None) -> list[ImportWay]:
        """Return the ways in which a name comes into other files, as far as they mean something in this one.

        Args:
            name: The name.
            path: The file that would import it, with slashes and one at the beginning.
            has_endings: Whether that file names JavaScript files with their endings; None if it names none.
        """
        found: dict[tuple[str, str], list[ImportUse]] = {}
        for file, one in self._importing(name):
            if file.path == path or not self._counts(file, one, path):
                continue
            key = self._key(one, file)
            found.setdefault(key, []).append((file, one))
        merged = _merged(found) if self.family == "python" else found
        return [way for key, uses in merged.items() if (way := self._way(uses, path, has_endings)) is not None]

    def _key(self, one: ImportedName, file: FileImports) -> tuple[str, str]:
        """Return what a name is, wherever it is imported; in Python, ``import a.b`` binds ``a``."""
        if self.family == "python" and one.member == WHOLE and not one.is_renamed:
            return one.name, one.member
        module = resolved(one.module, file.path, self.family)
        return without_ending(module) if self.family == "script" else module, one.member

    def _importing(self, name: str) -> Iterator[tuple[FileImports, ImportedName]]:
        for file in self._opened.values():
            yield from ((file, one) for one in file.names if one.name == name)
        for path, one in self._by_name.get(name, {}).items():
            if path not in self._opened:
                yield self._files[path], one

    def _counts(self, file: FileImports, one: ImportedName, path: str) -> bool:
        """Return whether another file can import what this one can; a Rust file has to be of the same crate."""
        if self.family != "rust":
            return True
        is_own = one.module.partition("::")[0] in {"crate", "self", "super"}
        return crate_of(file.path) == crate_of(path) and (not is_own or self._program(file.path) == self._program(path))

    def _program(self, path: str) -> str:
        """Return the Rust program whose modules are not those of the library beside it; empty for the library."""
        folder, _, name = path.rpartition("/")
        if folder.endswith("/src/bin"):
            return path
        if "/src/bin/" in path:
            return path[: path.index("/", path.index("/src/bin/") + len("/src/bin/"))]
        return path if folder.endswith("/src") and name == "main.rs" and self.has_file(f"{folder}/lib.rs") else ""

    def _way(self, uses: list[ImportUse], path: str, has_endings: bool | None) -> ImportWay | None:
        """Return how a file writes the import of a module's member as its nearest neighbour does; None if it cannot."""
        uses = self._writable(uses, path)
        if not uses:
            return None
        nearest = max(
            uses,
            key=lambda use: (
                has_ending(use[1].module) is has_endings,
                len(posixpath.commonpath([use[0].path, path])),
            ),
        )
        own = resolved(nearest[1].module, nearest[0].path, self.family)
        there = written(own, path, self.family)
        if there is None:
            return None
        if nearest[1].module.startswith("super::") and nearest[0].folder == path.rpartition("/")[0]:
            there = nearest[1].module
        return ImportWay(replace(nearest[1], module=there), len(uses), sum(one.is_type for _, one in uses))

    def _writable(self, uses: list[ImportUse], path: str) -> list[ImportUse]:
        """Return those uses of a member that a file may write in the same way."""
        if self.family == "python" and uses[0][1].member == WHOLE and not uses[0][1].is_renamed:
            whole = [use for use in uses if use[1].module == use[1].name]
            return whole or (uses if len({one.module for _, one in uses}) == 1 else [])
        if self.family == "rust":
            return uses
        placed = [(file, one, resolved(one.module, file.path, self.family)) for file, one in uses]
        near = [(file, one) for file, one, module in placed if module.startswith("/")]
        module = next((module for _, _, module in placed if module.startswith("/")), "")
        if near and not _is_below(
            path, [module.rpartition("/")[0], *(file.folder for file, _ in near[:_MAX_COMPARED])]
        ):
            uses = [(file, one) for file, one, module in placed if not module.startswith("/")]
        elif near:
            return uses
        if self.family not in _BY_PLACE or not uses:
            return uses
        first = uses[0][1].module.partition(".")[0]
        if first in _ASIDE and f"/{first}/" not in path:
            return []
        return uses if len(uses) >= _FEW or _is_near([file for file, _ in uses], path) else []


def _is_near(files: Sequence[FileImports], path: str) -> bool:
    """Return whether a file is in the folder around all those that import a name; around one of them counts, too."""
    folder = path.rpartition("/")[0]
    return _is_below(path, [file.folder for file in files]) or (
        len(files) == 1 and f"{files[0].folder}/".startswith(f"{folder}/")
    )


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Return whether a file is in the innermost folder around several ones."""
    around = posixpath.commonpath([folder or "/" for folder in folders])
    return path.startswith(f"{around.rstrip('/')}/")


def _merged(
    found: Mapping[tuple[str, str], list[ImportUse]],
) -> dict[tuple[str, str], list[ImportUse]]:
    """Return the ways of Python with those put together that name one module by its place and by its whole name."""
    merged = dict(found)
    for key in [key for key in found if key[0].startswith("/")]:
        parts = key[0].split("/")
        for other in ((".".join(parts[first:]), key[1]) for first in range(1, len(parts))):
            if other in merged:
                merged[key] = [*merged[key], *merged.pop(other)]
    return merged
