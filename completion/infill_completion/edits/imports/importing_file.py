"""Whether a name that a file does not bind is surely what other files import by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from infill_completion.edits.imports.import_table import ImportTable, ImportWay
from infill_completion.edits.imports.modules import has_ending, resolved, written
from infill_completion.edits.imports.reading.file_imports import statements_of
from infill_completion.edits.imports.reading.java import package_of
from infill_completion.edits.imports.reading.masked import masked
from infill_completion.edits.imports.reading.statement import WHOLE, ImportedName, ImportStatement
from infill_completion.edits.imports.references import is_bare_call, may_be_inherited

if TYPE_CHECKING:
    from tree_sitter import Node

_COMMON_JS = re.compile(r"\brequire\s*\(|\bmodule\.exports\b|\bexports\.\w")
_TEST_PACKAGE = re.compile(r"^package \w+_test\b", re.MULTILINE)


@dataclass(frozen=True)
class ImportingFile:
    """The file at hand.

    Attributes:
        text: Its text.
        path: Its path, with slashes and one at the beginning.
        table: What other files import.
    """

    text: str
    path: str
    table: ImportTable

    @cached_property
    def statements(self) -> list[ImportStatement]:
        """Its imports."""
        return statements_of(self.text, self.table.family)

    @property
    def has_endings(self) -> bool | None:
        """Whether it names JavaScript files with their endings; None if it names none."""
        found = (has_ending(one.module) for statement in self.statements for one in statement.names)
        return next((each for each in found if each is not None), None)

    @property
    def folder(self) -> str:
        """Its folder, without a slash at the end."""
        return self.path.rpartition("/")[0]


def in_manner_of(file: ImportingFile, name: ImportedName) -> ImportedName:
    """Return a name whose module is written as the file writes others: by its place, or with the ending of its file."""
    if file.table.family == "python":
        return _by_place(file, name)
    if file.table.family != "script" or not file.has_endings or has_ending(name.module) is not False:
        return name
    module = resolved(name.module, file.path, "script")
    is_file = any(file.table.has_file(f"{module}{ending}") for ending in (".js", ".ts"))
    return replace(name, module=f"{name.module}.js") if is_file else name


def _by_place(file: ImportingFile, name: ImportedName) -> ImportedName:
    """Return a name of the Python package around a file by its place, if the file imports all others so."""
    top, _, _ = name.module.partition(".")
    before, found, _ = file.path.rpartition(f"/{top}/")
    if name.member == WHOLE or not top or not found:
        return name
    modules = [one.module for statement in file.statements for one in statement.names]
    if not any(module.startswith(".") for module in modules) or any(
        f"{module}.".startswith(f"{top}.") for module in modules
    ):
        return name
    module = f"{before}/{name.module.replace('.', '/')}"
    if not any(file.table.has_file(f"{module}{ending}") for ending in (".py", "/__init__.py")):
        return name
    return replace(name, module=written(module, file.path, "python") or name.module)


def is_sure(uses: Sequence[Node], way: ImportWay, file: ImportingFile) -> bool:
    """Return whether nothing outside of a file gives it the name, as far as can be told.

    Args:
        uses: Where the file uses the name.
        way: How others import it.
        file: The file.
    """
    check = _CHECKS.get(file.table.family)
    return check is None or check(uses, way, file)


def _python(_uses: Sequence[Node], way: ImportWay, file: ImportingFile) -> bool:
    """Return whether a module is used as the one that the import loads: ``import a.b`` is for ``a.b.c``."""
    name = way.name
    return name.member != WHOLE or name.is_renamed or "." not in name.module or f"{name.module}." in file.text


def _script(_uses: Sequence[Node], way: ImportWay, file: ImportingFile) -> bool:
    """Return whether no file declares the name for all, as one may be about to do that only declares things.

    A file with modules of CommonJS gets no ``import``.
    """
    if not file.statements and _COMMON_JS.search(file.text):
        return False
    return not file.path.endswith(".d.ts") and not any(way.name.name in other.declared for other in file.table.files())


def _go(_uses: Sequence[Node], way: ImportWay, file: ImportingFile) -> bool:
    """Return whether no file of the package declares the name, and the package would not import itself."""
    if _TEST_PACKAGE.search(file.text):
        return _is_visible(way.name.module, file)
    if not _is_visible(way.name.module, file):
        return False
    others = (other for other in file.table.files() if other.folder == file.folder)
    if any(way.name.name in other.declared for other in others):
        return False
    return not _is_circular(way.name.module, file)


def _is_visible(module: str, file: ImportingFile) -> bool:
    """Return whether a Go file may import a package: an internal one only in the folder around ``internal``."""
    if "internal" not in module.split("/"):
        return True
    folders = {other.folder for other in file.table.files()}
    package = next((folder for folder in _ends(module) if folder in folders), "")
    around, found, _ = f"{package}/".rpartition("/internal/")
    return bool(found) and f"{file.folder}/".startswith(f"{around}/")


def _is_circular(module: str, file: ImportingFile) -> bool:
    """Return whether a Go package imports that of a file, as far as paths below the workspace's folder tell."""
    if not file.folder:
        return False
    by_folder: dict[str, set[str]] = {}
    for other in file.table.files():
        if not other.path.endswith("_test.go"):
            by_folder.setdefault(other.folder, set()).update(other.modules)
    waiting, seen = [module], set[str]()
    while waiting:
        one = waiting.pop()
        ends = _ends(one)
        if file.folder in ends:
            return True
        folder = next((folder for folder in ends if folder in by_folder), "")
        if folder and folder not in seen:
            seen.add(folder)
            waiting += by_folder[folder]
    return False


def _ends(module: str) -> list[str]:
    """Return the ends of a path as folders, the longest first."""
    parts = module.split("/")
    return ["/" + "/".join(parts[index:]) for index in range(len(parts))]


def _java(uses: Sequence[Node], way: ImportWay, file: ImportingFile) -> bool:
    """Return whether neither the package nor a type that is extended gives the name."""
    name, package = way.name.name, package_of(masked(file.text, "java"))
    if way.name.module == package or any(is_bare_call(use) != way.name.is_static for use in uses):
        return False
    if any(other.package == package and name in other.declared for other in file.table.files()):
        return False
    if way.name.is_static or way.name.module.rpartition(".")[2][:1].isupper():  # a member of a type
        # A type that inherited such a name would not import others beside it.
        is_usual = any(one.module == way.name.module for statement in file.statements for one in statement.names)
        if not is_usual and any(may_be_inherited(use) for use in uses):
            return False
    return way.name.is_static or (name[0].isupper() and "_" not in name)


_CHECKS: dict[str, Callable[[Sequence[Node], ImportWay, ImportingFile], bool]] = {
    "python": _python,
    "script": _script,
    "go": _go,
    "java": _java,
}
