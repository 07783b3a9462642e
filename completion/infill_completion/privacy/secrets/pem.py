"""Private keys in PEM and PGP armour, whole or cut (RFC 7468, RFC 4880)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HINT = "PRIVATE KEY"
_MARK = re.compile(r"-----(?P<side>BEGIN|END) (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
# Between two marks there is a key if there is something that looks like one; code that only names the marks has none.
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{40,}")
# A line of a key, bare, in quotes, in a comment or put together with `+`; or a header of it, or nothing.
_LINE = re.compile(
    r"(?!-----)[\s\"'`+>|#/*\\-]*"
    r"(?:(?:[A-Za-z0-9+/=]|\\[rn])+|(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|MessageID): .*)?"
    r"[\s\"'`+,;.)\\]*"
)


def private_keys(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of the inside of each private key in ``text``.

    Of a key whose end or beginning is not there, the lines that look like one are taken up to the first that does not.
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
            if _ENCODED.search(inside) or all(_LINE.fullmatch(line) for line in inside.split("\n")):
                yield from _lines(text, begun, mark.start())
            begun = None
        passed = mark.end()
    if begun is not None:
        yield from _lines(text, begun, _forwards(text, begun, len(text)))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    if any(map(str.isalnum, text[start:end])):
        yield start, end, "private key"


def _forwards(text: str, start: int, limit: int) -> int:
    """Return where the lines of a key that begins at ``start`` end."""
    end = start
    for line in text[start:limit].split("\n"):
        if not _LINE.fullmatch(line):
            break
        end += len(line) + 1
    return max(start, min(end, limit))


def _backwards(text: str, limit: int, end: int) -> int:
    """Return where the lines of a key that ends at ``end`` begin."""
    start = end
    for line in reversed(text[limit:end].split("\n")):
        if not _LINE.fullmatch(line):
            break
        start -= len(line) + 1
    return min(end, max(start + 1, limit))
