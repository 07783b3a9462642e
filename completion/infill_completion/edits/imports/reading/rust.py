"""Rust's ``use`` declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement

_STATEMENT = re.compile(r"^([ \t]*)(pub(?:\([^()\n]*\))?[ \t]+)?use[ \t\n]++([^;]{1,4000}+);", re.MULTILINE)
_CHILD = re.compile(r"^[ \t]*(?:pub(?:\([^()\n]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*[;{]", re.MULTILINE)
_TOKEN = re.compile(r"::|[{},*]|r#\w+|\w+")
# Paths in one declaration; one with more is generated.
_MAX_PATHS = 200


def statements(code: str) -> Iterator[ImportStatement]:
    """Yield the ``use`` declarations of masked code."""
    children = frozenset(_CHILD.findall(code))
    for match in _STATEMENT.finditer(code):
        indent, public, tree = match.groups()
        paths = _paths(_TOKEN.findall(tree))
        names = tuple(name for path in paths if (name := _name(path, children)) is not None)
        at, base, members = match.start(3), "", None
        before, opened, _ = tree.partition("{")
        if opened and tree.rstrip().endswith("}"):
            base, members = before.strip().removesuffix("::").rstrip(), (at + len(before) + 1, at + tree.rindex("}"))
        is_wild = any(path[-1:] == ("*",) for path in paths)
        start = match.start() + len(indent)
        yield ImportStatement(
            start, match.end(), names, base, members, not indent, is_public=public is not None, is_wild=is_wild
        )


def _name(path: tuple[str, ...], children: frozenset[str]) -> ImportedName | None:
    """Return what a path binds; None for ``*`` and for a name without a path."""
    path, alias = (path[:-2], path[-1]) if path[-2:-1] == ("as",) else (path, "")
    if path[-1:] == ("self",):
        path = path[:-1]
    if len(path) < 2 or path[-1] == "*" or alias == "_":
        return None
    module = "::".join(("self", *path[:-1]) if path[0] in children else path[:-1])
    return ImportedName(alias or path[-1], module, path[-1], is_renamed=bool(alias))


def _paths(tokens: list[str]) -> list[tuple[str, ...]]:
    """Return the paths of a tree; one with another name ends with ``as`` and that name."""
    found: list[tuple[str, ...]] = []
    stack: list[tuple[str, ...]] = []
    prefix: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    for word in [*tokens, ","]:
        if word == "{":
            stack.append(prefix)
            prefix = path
        elif word in {",", "}"}:
            if path != prefix and len(found) < _MAX_PATHS:
                found.append(path)
            if word == "}":
                prefix = stack.pop() if stack else ()
            path = prefix  # What follows a list is a comma or the end.
        elif word != "::":
            path = (*path, word)
    return found
