"""Go's import declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.edits.imports.reading.statement import WHOLE, ImportedName, ImportStatement

_BLOCK = re.compile(r"^import[ \t]*+(?:\(([^()]*+)\)|(?=[^\n(\"]*+\"))", re.MULTILINE)
_SPEC = re.compile(r"(?:(?<![\w.])([\w.]++)[ \t]++)?+\"([^\"\n]++)\"")
_ONE = re.compile(r"^([ \t]*)(?:(?:func|type|var|const)[ \t]+)(\w+(?:[ \t]*,[ \t]*\w+)*)", re.MULTILINE)
_GROUP = re.compile(r"^(?:var|const|type)[ \t]*\(\r?\n((?:(?!\)).*\n)*+)", re.MULTILINE)
_IN_GROUP = re.compile(r"^\t(\w+(?:[ \t]*,[ \t]*\w+)*)", re.MULTILINE)
_VERSION = re.compile(r"v\d+$")
_DOTTED = re.compile(r"\.v\d+$")


def statements(code: str) -> Iterator[ImportStatement]:
    """Yield the imports of masked code, each line of a block for itself."""
    for block in _BLOCK.finditer(code):
        is_block = block.group(1) is not None
        start, end = block.span(1) if is_block else (block.end(), code.find("\n", block.end()))
        for spec in _SPEC.finditer(code, start, end if end >= 0 else len(code)):
            alias, path = spec.groups()
            names = () if alias in {"_", "."} else (_name(alias, path),)
            first = spec.start() if is_block else block.start()
            yield ImportStatement(first, spec.end(), names, is_wild=alias == ".")
            if not is_block:
                break


def _name(alias: str | None, path: str) -> ImportedName:
    return ImportedName(alias or package_name(path), path, WHOLE, is_renamed=alias is not None)


def package_name(path: str) -> str:
    """Return the name that a package with this path most likely has."""
    parts = path.split("/")
    last = parts[-2] if len(parts) > 1 and _VERSION.match(parts[-1]) else parts[-1]
    return _DOTTED.sub("", last)


def declared(code: str) -> Iterator[str]:
    """Yield the names that masked code declares for its package."""
    for indent, names in _ONE.findall(code):
        if not indent:
            yield from (name.strip() for name in names.split(","))
    for group in _GROUP.findall(code):
        for names in _IN_GROUP.findall(group):
            yield from (name.strip() for name in names.split(","))
