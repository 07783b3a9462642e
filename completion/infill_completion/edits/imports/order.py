"""The order of imports: groups that are kept apart, and what is sorted by in one."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from infill_completion.edits.imports.reading.statement import WHOLE, ImportedName, ImportStatement

Key = tuple[object, ...]
_OWN = 3
_NODE = re.compile(r"node:|(?:fs|path|os|url|util|http|https|crypto|stream|events|assert|child_process)$")


def group_of(name: ImportedName, family: str, own: frozenset[str] = frozenset()) -> int:
    """Return a number for the kind of a module; groups of imports usually hold modules of one, from low to high.

    Args:
        name: What is imported.
        family: The name of the language's modules.
        own: The first words of modules that are of the project itself, for Python.
    """
    module = name.module
    if family == "python" and module.partition(".")[0] in own - sys.stdlib_module_names:
        return _OWN
    return _GROUPS[family](module, name)


def _python(module: str, _name: ImportedName) -> int:
    first = module.partition(".")[0]
    if first == "__future__":
        return 0
    if not first:
        return _OWN + 1
    return 1 if first in sys.stdlib_module_names else 2


def _script(module: str, _name: ImportedName) -> int:
    if module.startswith("."):
        return 2
    return 0 if _NODE.match(module) else 1


def _go(module: str, _name: ImportedName) -> int:
    return 1 if "." in module.partition("/")[0] else 0


def _java(_module: str, name: ImportedName) -> int:
    return int(name.is_static)


def _rust(module: str, _name: ImportedName) -> int:
    first = module.partition("::")[0]
    if first in {"std", "core", "alloc"}:
        return 0
    return 2 if first in {"crate", "self", "super"} else 1


_GROUPS: dict[str, Callable[[str, ImportedName], int]] = {
    "python": _python, "script": _script, "go": _go, "java": _java, "rust": _rust,
}  # fmt: skip


def parts_of(name: ImportedName) -> list[str]:
    """Return the words of a module's name, to compare how much two have in common."""
    return re.split(r"[./]|::", name.module)


def keys(family: str) -> Sequence[Callable[[ImportedName], Key]]:
    """Return what imports of a language may be sorted by, the usual one first."""
    if family == "python":
        return (
            lambda name: (name.member != WHOLE, name.module.lower(), name.member.lower()),
            lambda name: (name.module.lower(), name.member.lower()),
            lambda name: (name.member != WHOLE, name.module, name.member),
        )
    if family == "go":
        return (lambda name: (name.module,),)
    separator = "::" if family == "rust" else "."
    if family == "script":
        return (lambda name: (name.module.lower(),), lambda name: (name.module,))
    return (
        lambda name: (*name.module.split(separator), name.member),
        lambda name: (f"{name.module}{separator}{name.member}".lower(),),
    )


def entry(statement: ImportStatement, family: str) -> ImportedName:
    """Return what a statement is sorted by: its first name, but for a list in Rust, which comes last."""
    if family == "rust" and statement.members is not None:
        return replace(statement.names[0], module=statement.base, member="{")
    return statement.names[0]


def sorted_key(statements: Sequence[ImportStatement], family: str) -> Callable[[ImportedName], Key] | None:
    """Return what the statements are sorted by; None if they are not sorted."""
    for key in keys(family):
        found = [key(entry(statement, family)) for statement in statements if statement.names]
        if found == sorted(found):
            return key
    return None
