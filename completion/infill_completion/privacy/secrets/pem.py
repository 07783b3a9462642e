"""Private keys in PEM and PGP armour, whole or cut (RFC 7468, RFC 4880)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HINT = "PRIVATE KEY"
_MARK = re.compile(r"----[ -](?P<side>BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?[ -]----")
# Text between two marks is a key if it looks like one; code that only mentions the marks has none.
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{40,}")
# A line of a key, bare, in quotes, in a comment or joined with `+`; or one of its headers, or an empty line.
_LINE = re.compile(r"(?:[A-Za-z0-9+/=]|\\[rn])*|(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID): .*")
# What may surround it. Each is stripped at once, since a pattern with three parts that accept the same characters would
# try every way to divide a long line among them.
_LEFT, _RIGHT = " \t\r\f\v\"'`+>|#/*\\-", " \t\r\f\v\"'`+,;.)\\"


def private_keys(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of the inside of each private key in ``text``.

    If a key's begin or end mark is missing, its lines are those up to the first that does not look like part of a key.
    """
    if _HINT not in text:
        return
    begun: int | None = None
    passed = 0
    for mark in _MARK.finditer(text):
        if mark["side"] == "BEGIN":
            if begun is not None:
                yield from _lines(text, begun, _forwards(text, begun, mark.start()))
            begun = mark.end()
        elif begun is None:
            yield from _lines(text, _backwards(text, passed, mark.start()), mark.start())
        else:
            inside = text[begun : mark.start()]
            if _ENCODED.search(inside) or all(map(_is_line, inside.split("\n"))):
                yield from _lines(text, begun, mark.start())
            begun = None
        passed = mark.end()
    if begun is not None:
        yield from _lines(text, begun, _forwards(text, begun, len(text)))


def _is_line(line: str) -> bool:
    """Return whether a line may be part of a key."""
    return not line.startswith("----") and _LINE.fullmatch(line.lstrip(_LEFT).rstrip(_RIGHT)) is not None


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    if any(map(str.isalnum, text[start:end])):
        yield start, end, "private key"


def _forwards(text: str, start: int, limit: int) -> int:
    """Return the offset at which a key that begins at ``start`` ends."""
    end = start
    for line in text[start:limit].split("\n"):
        if not _is_line(line):
            break
        end += len(line) + 1
    return max(start, min(end, limit))


def _backwards(text: str, limit: int, end: int) -> int:
    """Return the offset at which a key that ends at ``end`` begins."""
    start = end
    for line in reversed(text[limit:end].split("\n")):
        if not _is_line(line):
            break
        start -= len(line) + 1
    return min(end, max(start + 1, limit))
