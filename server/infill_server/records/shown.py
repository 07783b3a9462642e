"""A suggestion on the screen, and how far the user has got in it."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from infill_completion.document.lines import to_lf
from infill_server.lsp.replacement import Location, Replacement, advanced, common_length

# What editors write by themselves after a typed character.
_WRITTEN_BY_EDITORS = frozenset(" \t\r\n)]}>\"'`;")


class Progress(Enum):
    """What an edit means for a suggestion."""

    OPEN = "it is still there, or may come back"
    COMPLETE = "all of it is in the document"
    LEFT = "something else was written in its place"


class ShownSuggestion:
    """A suggestion and its alternatives, which the document is compared with as the user types.

    Attributes:
        text: The suggestion as it was first shown, and what it has grown by since; with LF line ends.
        last_step: How many characters of it the last edit brought.
    """

    def __init__(self, cursor: Location, texts: tuple[str, ...]) -> None:
        self._texts = tuple(map(to_lf, texts))
        self.text = self._texts[0]
        self.last_step = 0
        self._anchor = cursor
        self._typed = 0

    @property
    def rest(self) -> str:
        """What is not in the document yet."""
        return self.text[self._typed :]

    @property
    def cursor(self) -> Location:
        """Where the rest begins."""
        return self.place(self._typed)

    def place(self, typed: int) -> Location:
        """Return where the suggestion goes on after its first ``typed`` characters."""
        return advanced(self._anchor, self.text[:typed])

    def is_of(self, text: str) -> bool:
        """Return whether an item with ``text``, from its cursor on, is this suggestion; it is then the one chosen."""
        text = to_lf(text)
        for one in self._texts:
            if text and (one.endswith(text) or text.endswith(one)):
                self.text = one
                return True
        return False

    def continued(self, cursor: Location, texts: tuple[str, ...]) -> bool:
        """Return whether an answer shows this suggestion, after typing, deleting or growth; it is then followed."""
        texts = tuple(map(to_lf, texts))
        new, rest = texts[0], self.rest
        if cursor == self.cursor and rest and (new.startswith(rest) or rest.startswith(new)):
            if len(new) > len(rest):
                self.text = self.text[: self._typed] + new
            self._texts = (self.text, *(self.text[: self._typed] + other for other in texts[1:]))
            return True
        if not self._typed and cursor == self._anchor and new.endswith(self.text):
            # What was before the cursor has been deleted, and is part of the suggestion now.
            self.text, self._texts = new, (new,)
            return True
        return False

    def edit(self, whole: Replacement) -> Progress:
        """Follow an edit of the document."""
        edit, cursor = replace(whole, removed=to_lf(whole.removed), text=to_lf(whole.text)).trimmed(), self.cursor
        if edit.start == cursor and edit.text:
            return self._written(edit.text)
        if edit.former_end == cursor and self._anchor <= edit.start and not edit.text:
            self._typed = max(self._typed - len(edit.removed), 0)  # The user went back; it may be shown again.
        elif edit.start < cursor and edit.former_end > self._anchor:
            return Progress.LEFT
        elif edit.start < cursor:
            self._anchor = edit.moved(self._anchor, with_text=True)
        return Progress.OPEN

    def _written(self, text: str) -> Progress:
        """Follow what was written at the cursor: typed, pasted or accepted."""
        best = max(self._texts, key=lambda one: common_length(one[self._typed :], text))
        agreed = common_length(best[self._typed :], text)
        if not agreed or not _WRITTEN_BY_EDITORS.issuperset(text[agreed:]):
            return Progress.LEFT
        self.text, self.last_step = best, agreed
        self._texts = tuple(one for one in self._texts if one.startswith(best[: self._typed + agreed]))
        self._typed += agreed
        return Progress.OPEN if self.rest else Progress.COMPLETE
