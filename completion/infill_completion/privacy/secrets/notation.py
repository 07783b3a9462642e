"""One way to write a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from infill_completion.privacy.secrets.placeholders import is_placeholder


@dataclass(frozen=True)
class Notation:
    """A way to write a secret.

    Attributes:
        kind: What is found.
        hints: A text that contains none of these, in lower case, is not searched.
        pattern: The notation. The secret is the group ``secret``, or the whole match without one.
        accepts: Returns whether a match that is not a placeholder is a secret; None if every match is one.
        spans_lines: Whether a match, or what must precede or follow it, may reach beyond its line.
        begins: Texts, in lower case, with one of which each match begins, apart from its case; without any, a match may
            begin anywhere. What spans lines is searched in the whole text at every key, and finding a word takes a
            fifth of the time of trying a pattern at each character.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] | None = None
    spans_lines: bool = False
    begins: tuple[str, ...] = ()

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each secret in ``text``, whether or not it has a hint."""
        group = "secret" if "secret" in self.pattern.groupindex else 0
        for match in self._matches(text) if self.begins else self.pattern.finditer(text):
            secret = match[group]
            if self.accepts is None or (not is_placeholder(secret) and self.accepts(secret)):
                yield match.span(group)

    def _matches(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches of the pattern, which do not overlap, as ``finditer`` does."""
        end, low = 0, lowered(text)
        for start in sorted({start for word in self.begins for start in _places(word, low)}):
            if start >= end and (match := self.pattern.match(text, start)):
                end = match.end()
                yield match


@lru_cache(maxsize=4)
def lowered(text: str) -> str:
    """Return ``text`` in lower case, with the same offsets, and what patterns take for another letter as that one."""
    if text.isascii():
        return text.lower()
    # The lower case of the first has two characters; the others are in lower case, but patterns that ignore the case
    # take them for `i` and `s`.
    return text.replace("İ", "i").replace("ı", "i").replace("ſ", "s").lower()


def _places(word: str, text: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)
