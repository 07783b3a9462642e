"""Python's import statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infill_completion.edits.imports.reading.statement import WHOLE, ImportedName, ImportStatement

_STATEMENT = re.compile(
    r"^([ \t]*+)(?:from[ \t]++([.\w]++)[ \t]++import[ \t]++(?:\(([^()]*+)\)|([^\n\r(#;\\]++))"
    r"|import[ \t]++([\w., \t]++))[ \t]*+(?=\r?$)",
    re.MULTILINE,
)

_GOES_ON = re.compile(r"\\\r?\n")


def statements(code: str) -> Iterator[ImportStatement]:
    """Yield the import statements of masked code; a line with several statements is left out."""
    for match in _STATEMENT.finditer(_GOES_ON.sub(lambda found: " " * len(found.group()), code)):
        indent, module, bracketed, _, modules = match.groups()
        start, is_top = match.start() + len(indent), not indent
        end = match.start() + len(match.group().rstrip())
        if modules is not None:
            yield ImportStatement(start, end, tuple(_modules(modules)), is_top=is_top)
            continue
        group = 3 if bracketed is not None else 4
        listed = match.group(group)
        span = match.start(group), match.start(group) + len(listed.rstrip() if group == 4 else listed)
        is_wild = listed.strip() == "*"
        names = () if is_wild else tuple(_members(module, listed))
        yield ImportStatement(start, end, names, module, span, is_top, is_wild=is_wild)


def _modules(listed: str) -> Iterator[ImportedName]:
    for part in listed.split(","):
        words = part.split()
        if len(words) == 3 and words[1] == "as":
            yield ImportedName(words[2], words[0], WHOLE, is_renamed=True)
        elif len(words) == 1:
            yield ImportedName(words[0].partition(".")[0], words[0], WHOLE)


def _members(module: str, listed: str) -> Iterator[ImportedName]:
    for part in listed.split(","):
        words = part.split()
        if len(words) == 3 and words[1] == "as":
            yield ImportedName(words[2], module, words[0], is_renamed=True)
        elif len(words) == 1:
            yield ImportedName(words[0], module, words[0])
