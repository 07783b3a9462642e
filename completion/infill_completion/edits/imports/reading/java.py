"""Java's import declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.edits.imports.reading.statement import ImportedName, ImportStatement

_STATEMENT = re.compile(r"^([ \t]*)import[ \t]+(static[ \t]+)?([\w.]+)(\.\*)?[ \t]*;", re.MULTILINE)
PACKAGE = re.compile(r"^[ \t]*package[ \t]+([\w.]+)[ \t]*;", re.MULTILINE)
_TYPE = re.compile(r"^(?:[\w@-]+[ \t]+)*(?:class|interface|enum|record)[ \t]+(\w+)", re.MULTILINE)


def statements(code: str) -> Iterator[ImportStatement]:
    """Yield the import declarations of masked code."""
    for match in _STATEMENT.finditer(code):
        indent, static, path, star = match.groups()
        module, _, member = path.rpartition(".")
        names = () if star else (ImportedName(member, module, member, is_static=bool(static)),)
        yield ImportStatement(match.start() + len(indent), match.end(), names, is_top=not indent, is_wild=bool(star))


def package_of(code: str) -> str:
    """Return the package of masked code; empty if it has none."""
    found = PACKAGE.search(code)
    return found.group(1) if found is not None else ""


def declared(code: str) -> Iterator[str]:
    """Yield the types that masked code declares at its top."""
    yield from _TYPE.findall(code)
