"""What a file imports, and what it declares for other files that need no import for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from infill_completion.edits.imports.reading import go, java, python, rust, script
from infill_completion.edits.imports.reading.masked import masked
from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement

# Larger files are not read.
MAX_CHARACTERS = 400_000
_READERS: dict[str, Callable[[str], Iterator[ImportStatement]]] = {
    "python": python.statements,
    "script": script.statements,
    "java": java.statements,
    "go": go.statements,
    "rust": rust.statements,
}
_AMBIENT = re.compile(
    r"^[ \t]*(?:declare[ \t]+)?(?:(?:abstract[ \t]+)?class|interface|type|namespace|enum|const|let|var|function)"
    r"[ \t]+([\w$]+)",
    re.MULTILINE,
)
# What is indented in a file with a block of global declarations.
_GLOBAL = re.compile(
    r"^[ \t]+(?:(?:abstract[ \t]+)?class|interface|type|namespace|enum|const|let|var|function)[ \t]+([\w$]+)",
    re.MULTILINE,
)
_BEFORE_DOT = re.compile(r"\b(\w++)\.")
_MODULE = re.compile(r"^(?:import|export)\b", re.MULTILINE)


@dataclass(frozen=True)
class FileImports:
    """What a file imports and declares.

    Attributes:
        path: The file, with slashes and one at the beginning.
        package: What it is a part of: a Java package, or the folder of a Go file; empty in other languages.
        names: The names that it imports; in Go only those that it uses.
        modules: The modules that it imports.
        lists: How many of its imports have a list of several names.
        repeats: How many import more from a module that an earlier one imports from.
        declared: Names that other files of the package know without importing them, or all files do (``.d.ts``).
    """

    path: str
    package: str
    names: tuple[ImportedName, ...]
    modules: frozenset[str]
    declared: frozenset[str]
    lists: int = 0
    repeats: int = 0

    @property
    def folder(self) -> str:
        """The folder of the file, without a slash at its end."""
        return self.path.rpartition("/")[0]


def statements_of(text: str, family: str) -> list[ImportStatement]:
    """Return the import statements of a text, from top to bottom.

    Args:
        text: The text.
        family: The name of the language's modules, as `context_module_of` returns it.
    """
    return _statements(masked(text, family), family) if family in _READERS else []


def read_imports(path: str, family: str, text: str) -> FileImports:
    """Return what a file imports and declares."""
    code = masked(text[:MAX_CHARACTERS], family)
    found = _statements(code, family)
    names = (name for statement in found if _is_evidence(statement, family) for name in statement.names)
    if family == "go":
        used = frozenset(_BEFORE_DOT.findall(code))
        names = (name for name in names if name.name in used)
    modules = frozenset(name.module for statement in found for name in statement.names)
    package, declared = _package(path, family, code), _declared(path, family, code)
    return FileImports(path, package, tuple(names), modules, declared, *list_style(found))


def list_style(statements: Sequence[ImportStatement]) -> tuple[int, int]:
    """Return how many statements have a list of several names, and how many repeat the module of an earlier one."""
    modules = [statement.names[0].module for statement in statements if statement.names and statement.is_top]
    return sum(len(statement.names) > 1 for statement in statements), len(modules) - len(set(modules))


def _is_evidence(statement: ImportStatement, family: str) -> bool:
    """Return whether other files may import the same at their head.

    Not what Python imports only for a type checker, for one function or if it is there, nor its switches, nor what Rust
    takes from a module within the file.
    """
    if family == "python" and statement.base == "__future__":
        return False
    first = statement.names[0].module.partition("::")[0] if statement.names else ""
    is_of_block = not statement.is_top and (family == "python" or first in {"self", "super"})
    return not statement.is_public and not is_of_block


def _statements(code: str, family: str) -> list[ImportStatement]:
    return list(_READERS[family](code))


def _package(path: str, family: str, code: str) -> str:
    if family == "java":
        return java.package_of(code)
    return path.rpartition("/")[0] if family == "go" else ""


def _declared(path: str, family: str, code: str) -> frozenset[str]:
    if family == "java":
        return frozenset(java.declared(code))
    if family == "go":
        return frozenset(go.declared(code))
    if family != "script":
        return frozenset()
    if path.endswith(".d.ts") and not _MODULE.search(code):
        return frozenset(_AMBIENT.findall(code))
    return frozenset(_GLOBAL.findall(code) if "declare global" in code else ())
