"""Import statements of JavaScript and TypeScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.edits.imports.reading.statement import DEFAULT, NAMESPACE, ImportedName, ImportStatement

# What is matched is kept: a comment behind an unfinished `import` is thousands of blanks.
_STATEMENT = re.compile(
    r"^([ \t]*+)import\b\s*+(?:(type)\s++(?!from\b|,))?+(\*\s*+as\s++[\w$]++|(?!from\b)[\w$]++)?+\s*+(,)?+\s*+"
    r"(?:\{([^{}'\"]*+)\})?+\s*+(?:from\b)?+\s*+(['\"])([^'\"\n]++)\6[^\n;{}]*+;?",
    re.MULTILINE,
)


def statements(code: str) -> Iterator[ImportStatement]:
    """Yield the import statements of masked code, also those that bind nothing."""
    for match in _STATEMENT.finditer(code):
        indent, kind, first, _, listed, _, module = match.groups()
        names = [*_first(first or "", module, is_type=bool(kind))]
        base, members = "", None
        if listed is not None:
            base, members = module, match.span(5)
            names += _members(listed, module, is_type=bool(kind))
        start = match.start() + len(indent)
        end = match.start() + len(match.group().rstrip())
        yield ImportStatement(start, end, tuple(names), base, members, not indent, bool(kind))


def _first(clause: str, module: str, *, is_type: bool) -> Iterator[ImportedName]:
    """Yield the default or the namespace that stands before a list."""
    words = clause.split()
    if len(words) == 3 and words[:2] == ["*", "as"]:
        yield ImportedName(words[2], module, NAMESPACE, is_type)
    elif len(words) == 1 and words[0] != "*":
        yield ImportedName(words[0], module, DEFAULT, is_type)


def _members(listed: str, module: str, *, is_type: bool) -> Iterator[ImportedName]:
    for part in listed.split(","):
        words = part.split()
        is_member_type = words[:1] == ["type"] and len(words) in {2, 4}
        words = words[1:] if is_member_type else words
        if len(words) == 3 and words[1] == "as":
            yield ImportedName(words[2], module, words[0], is_type or is_member_type, is_renamed=True)
        elif len(words) == 1:
            yield ImportedName(words[0], module, words[0], is_type or is_member_type)
