"""An example: one change that the user made, as lexemes before and after."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from infill_completion.edits.history import Hunk
from infill_completion.edits.names.keywords import keywords_of
from infill_completion.edits.tokens import Lexeme, LexemeKind, tokens_of
from infill_completion.edits.words import KEYWORDS

MAX_TOKENS = 400
# A change of more lines is no example.
MAX_LINES = 12


@dataclass
class Example:
    """A change as tokens before and after, and the part of them that differs.

    Attributes:
        before: The tokens before the change.
        after: The tokens after it.
        texts: The texts of both.
        first: How many tokens are the same at the beginning.
        same: How many are the same at the end.
        at: Where the text after it begins in the hunk, in characters.
        keywords: The words that are no names in its language.
    """

    before: list[Lexeme]
    after: list[Lexeme]
    texts: tuple[str, str]
    first: int
    same: int
    at: int = 0
    keywords: frozenset[str] = KEYWORDS

    @classmethod
    def of(cls, before: str, after: str, language_id: str, at: int = 0) -> Example | None:
        """Return the example of a change; None if only blanks or comments differ, or if it is too large."""
        old, new = (
            [token for token in tokens_of(text, language_id) if token.kind is not LexemeKind.COMMENT]
            for text in (before, after)
        )
        if max(len(old), len(new)) > MAX_TOKENS or [token.text for token in old] == [token.text for token in new]:
            return None
        most = min(len(old), len(new))
        first = next((index for index in range(most) if old[index].text != new[index].text), most)
        same = next(
            (count for count in range(most - first) if old[-1 - count].text != new[-1 - count].text), most - first
        )
        return cls(old, new, (before, after), first, same, at, keywords_of(language_id))

    @property
    def old(self) -> list[Lexeme]:
        """The tokens that were replaced."""
        return self.before[self.first : len(self.before) - self.same]

    @property
    def new(self) -> list[Lexeme]:
        """The tokens that replaced them."""
        return self.after[self.first : len(self.after) - self.same]

    @property
    def renamed(self) -> tuple[str, str] | None:
        """The name before and after, if nothing but one name changed, though perhaps in several places."""
        if len(self.before) != len(self.after):
            return None
        changed = self._changed
        names = {(old.text, new.text) for old, new in changed}
        both = [token for pair in changed for token in pair]
        is_name = all(token.kind is LexemeKind.NAME and token.text not in self.keywords for token in both)
        return names.pop() if len(names) == 1 and is_name else None

    def spans(self) -> list[tuple[int, int]]:
        """Return where in the hunk a name has changed, in characters; only if nothing else did."""
        return [(self.at + new.start, self.at + new.end) for _, new in self._changed]

    @property
    def _changed(self) -> list[tuple[Lexeme, Lexeme]]:
        """The tokens that differ, in a change that keeps their number."""
        pairs = zip(self.before, self.after, strict=True)
        return [(old, new) for old, new in pairs if old.text != new.text]


def examples_of(hunk: Hunk, language_id: str) -> list[Example]:
    """Return the changes of a hunk: each line for itself if their number is the same, or else all of it.

    There is none in a hunk of many lines.
    """
    if max(len(hunk.before), len(hunk.after)) > MAX_LINES:
        return []
    if len(hunk.before) == len(hunk.after):
        starts = [0, *accumulate(map(len, hunk.after))]
        lines = [(old, new, at) for old, new, at in zip(hunk.before, hunk.after, starts, strict=False) if old != new]
        found = [Example.of(old, new, language_id, at) for old, new, at in lines]
        if len(lines) > 1 and all(example is not None for example in found):
            return [example for example in found if example is not None]
    whole = Example.of("".join(hunk.before), "".join(hunk.after), language_id)
    return [] if whole is None else [whole]
