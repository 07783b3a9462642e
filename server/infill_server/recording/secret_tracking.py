"""Secrets in the documents of a session, also in keys that were typed before the secret could be recognised.

Every character that enters a document gets its own number. Where a version of the document holds a secret, the
numbers of its characters are kept, so the characters can be masked in the message that brought them, however long ago.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from lsprotocol import types

from infill_completion.privacy.masking import MASK, mask_secrets
from infill_server.lsp.positions import Units
from infill_server.lsp.text import DocumentText

# Text around an edit that is searched again; the lines at both edges count as a whole.
_AROUND = 1000
# The model sees names as they are.
_NEVER = 1 << 62
# A shorter secret is masked where it was recognised, but not wherever these characters occur.
_LEAST_KNOWN = 6

Numbers: TypeAlias = "array[int]"


@dataclass
class _Document:
    text: DocumentText
    numbers: Numbers


@dataclass
class SecretTracker:
    """Follows the documents of a session.

    Attributes:
        units: The client's units of columns.
        known: Secrets that are masked wherever they occur.
        names: Texts that are masked likewise, but only here: the model sees them.
        recognised_at: When a character, by its number, was first recognised as part of a secret.
        unsafe: Documents in which characters cannot be followed, because of lone surrogates.
        now: The index of the current event.
        searches: Whether documents are searched; if not, ``recognised_at`` is what an earlier pass has found.
    """

    units: Units
    known: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    recognised_at: dict[int, int] = field(default_factory=dict)
    searches: bool = True
    unsafe: set[str] = field(default_factory=set)
    now: int = 0
    _documents: dict[str, _Document] = field(default_factory=dict)
    _found: set[str] = field(default_factory=set)
    _next: int = 0
    _births: list[tuple[int, int]] = field(default_factory=list)

    def opened(self, uri: str, text: str) -> Numbers:
        """Add a document and return the numbers of its characters."""
        numbers = self._new(len(text))
        document = self._documents[uri] = _Document(DocumentText(text, self.units), numbers[:])
        self._check(uri, document)
        self._search(document, 0, len(text))
        return numbers

    def changed(self, uri: str, text: str, range_: types.Range | None) -> Numbers:
        """Apply a change and return the numbers of the characters in ``text``."""
        document = self._documents.get(uri)
        if document is None:
            return self._new(len(text))
        if range_ is None:
            return self._replaced(uri, document, text)
        start, end = sorted((document.text.offset(range_.start), document.text.offset(range_.end)))
        document.text.replace(range_, text)
        numbers = self._new(len(text))
        document.numbers[start:end] = numbers
        self._check(uri, document)
        self._search(document, start, start + len(text))
        return numbers

    def closed(self, uri: str) -> None:
        """Search a whole document a last time, and remove it."""
        document = self._documents.pop(uri, None)
        if document is not None:
            self._search(document, 0, len(document.numbers))

    def close_all(self) -> None:
        """Search all open documents as a whole and remove them."""
        for uri in list(self._documents):
            self.closed(uri)

    @property
    def secrets(self) -> frozenset[str]:
        """The texts of the secrets found; of one that was typed key by key only the longest."""
        ordered = sorted(self._found)
        longest = (text for text, after in pairwise([*ordered, ""]) if not after.startswith(text))
        return frozenset(longest) | self.known

    def masked(self, text: str, numbers: Iterable[int]) -> str:
        """Return ``text`` with the characters of secrets masked; columns after them stay the same."""
        return "".join(
            MASK * self._width(character) if number in self.recognised_at and character not in "\r\n" else character
            for character, number in zip(text, numbers, strict=True)
        )

    def text_before(self, uri: str, position: types.Position, count: int) -> tuple[str, str]:
        """Return the last ``count`` characters of a document before a position, as they are and masked."""
        document = self._documents.get(uri)
        if document is None:
            return "", ""
        end = document.text.offset(position)
        start = max(end - count, 0)
        text = str(document.text)[start:end]
        return text, self.masked(text, document.numbers[start:end])

    def unrecognised(self) -> list[tuple[int, int]]:
        """Return the spans of events in which a document held a secret that was not recognised yet, end exclusive."""
        firsts = [first for first, _ in self._births]
        spans = set()
        for number, recognised in self.recognised_at.items():
            born = self._births[bisect_right(firsts, number) - 1][1]
            if born < recognised:
                spans.add((born, recognised))
        return sorted(spans)

    def _new(self, count: int) -> Numbers:
        first, self._next = self._next, self._next + count
        if count:
            self._births.append((first, self.now))
        return array("q", range(first, self._next))

    def _replaced(self, uri: str, document: _Document, text: str) -> Numbers:
        """Replace a whole text; characters at its start and end that stayed keep their numbers."""
        former = str(document.text)
        shorter = min(len(former), len(text))
        start = next((at for at in range(shorter) if former[at] != text[at]), shorter)
        most = shorter - start
        tail = next((at for at in range(most) if former[-1 - at] != text[-1 - at]), most)
        kept = document.numbers
        numbers = kept[:start] + self._new(len(text) - start - tail) + kept[len(kept) - tail :]
        document.text.replace_all(text)
        document.numbers = numbers[:]
        self._check(uri, document)
        self._search(document, start, len(text) - tail)
        return numbers

    def _check(self, uri: str, document: _Document) -> None:
        text = str(document.text)
        if len(text) != len(document.numbers):
            self.unsafe.add(uri)
            document.numbers = self._new(len(text))

    def _search(self, document: _Document, start: int, end: int) -> None:
        if not self.searches:
            return
        text = str(document.text)
        left, right = max(start - _AROUND, 0), min(end + _AROUND, len(text))
        written, masked = text[left:right], mask_secrets(text, left, right).text
        for match in re.finditer(r"\x01+", _differences(written, masked)):
            self._recognise(document, left + match.start(), written[match.start() : match.end()])
        for secret in self.known:
            for at in _occurrences(written, secret):
                self._recognise(document, left + at, secret)
        for name in self.names:
            for at in _occurrences(written, name):
                for number in document.numbers[left + at : left + at + len(name)]:
                    self.recognised_at[number] = _NEVER

    def _recognise(self, document: _Document, start: int, secret: str) -> None:
        if len(secret) >= _LEAST_KNOWN:
            self._found.add(secret)
        for number in document.numbers[start : start + len(secret)]:
            self.recognised_at.setdefault(number, self.now)

    def _width(self, character: str) -> int:
        if self.units is Units.UTF32 or character < "\x80":
            return 1
        bytes_ = len(character.encode("utf-8" if self.units is Units.UTF8 else "utf-16-le", "surrogatepass"))
        return bytes_ if self.units is Units.UTF8 else bytes_ // 2


def _occurrences(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Return ``text``, which no document holds, with its secrets and the known ones masked."""
    for secret in secrets:
        text = text.replace(secret, MASK * len(secret))
    return mask_secrets(text).text


def _differences(one: str, other: str) -> str:
    """Return a text of the same length with SOH where the two differ, and NUL elsewhere; empty if they are equal."""
    if one == other:
        return ""
    return "".join("\x00" if mine == theirs else "\x01" for mine, theirs in zip(one, other, strict=True))
