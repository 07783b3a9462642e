"""An example: one change that the user made, as lexemes before and after."""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.edits.tokens import Lexeme, LexemeKind, tokens_of
from infill_completion.edits.words import KEYWORDS

MAX_TOKENS = 400


@dataclass
class Example:
    """A change as tokens before and after, and the part of them that differs.

    Attributes:
        before: The tokens before the change.
        after: The tokens after it.
        texts: The texts of both.
        first: How many tokens are the same at the beginning.
        same: How many are the same at the end.
    """

    before: list[Lexeme]
    after: list[Lexeme]
    texts: tuple[str, str]
    first: int
    same: int

    @classmethod
    def of(cls, before: str, after: str, language_id: str) -> Example | None:
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
        return cls(old, new, (before, after), first, same)

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
        pairs = zip(self.before, self.after, strict=True)
        changed = [(old, new) for old, new in pairs if old.text != new.text]
        names = {(old.text, new.text) for old, new in changed}
        both = [token for pair in changed for token in pair]
        is_name = all(token.kind is LexemeKind.NAME and token.text not in KEYWORDS for token in both)
        return names.pop() if len(names) == 1 and is_name else None
