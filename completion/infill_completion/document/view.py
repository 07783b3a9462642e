"""A snapshot as the rest of the package sees it: the window with LF line ends, and how to get back to the document."""

from __future__ import annotations

from dataclasses import dataclass, replace

from infill_completion.document.lines import line_ending_of, with_ending
from infill_completion.document.snapshot import Snapshot, Suggestion, Trigger
from infill_completion.document.window import Window, clean_offset, window_at

# How much longer a user waits for an invoked suggestion; on the command line there is no next request to continue.
_INVOKED_PATIENCE = 3


@dataclass(frozen=True)
class View:
    """A cursor in a document.

    Attributes:
        uri: The document's URI.
        language_id: LSP's language id.
        window: The text around the cursor.
        offset: The cursor in the document's own characters.
        length: The size of the document in its own characters.
        ending: The document's line end.
        is_invoked: Whether the user invoked the completion.
        selected: The range that the editor's popup would replace, and the text it would insert; the cursor is then
            after that text.
    """

    uri: str
    language_id: str
    window: Window
    offset: int
    length: int
    ending: str
    is_invoked: bool
    selected: tuple[int, int, str] | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, prefix_budget: int, suffix_budget: int) -> View:
        """Return the view of a snapshot; reads only the window and the first line end of the document."""
        text, offset = snapshot.text, clean_offset(snapshot.text, snapshot.offset)
        if snapshot.selected is not None:
            start, end, chosen = snapshot.selected
            text = text[:start] + chosen + text[end:]
            offset = start + len(chosen)
        return cls(
            uri=snapshot.uri,
            language_id=snapshot.language_id,
            window=window_at(text, offset, prefix_budget, suffix_budget),
            offset=offset,
            length=len(text),
            ending=line_ending_of(text),
            is_invoked=snapshot.trigger is Trigger.INVOKED,
            selected=snapshot.selected,
        )

    @property
    def from_end(self) -> int:
        """The number of characters after the cursor in the document."""
        return self.length - self.offset

    @property
    def patience(self) -> int:
        """How many times longer than for a key's suggestion the user waits for this one."""
        return _INVOKED_PATIENCE if self.is_invoked else 1

    def after(self, text: str, replaced: int) -> View:
        """Return the view after LF ``text`` has replaced ``replaced`` characters to the right of the cursor."""
        written = len(with_ending(text, self.ending))
        return replace(
            self,
            window=self.window.with_text(text, replaced),
            offset=self.offset + written,
            length=self.length + written - replaced,
            is_invoked=False,
            selected=None,
        )

    def suggestion(self, text: str, confidence: float | None, replaced: int = 0) -> Suggestion:
        """Return LF ``text`` as a suggestion for the document.

        Args:
            text: What to insert at the cursor.
            confidence: The model's confidence, if known.
            replaced: How many characters to the right of the cursor it replaces.
        """
        written = with_ending(text, self.ending)
        if self.selected is None:
            return Suggestion(written, self.offset, self.offset + replaced, confidence)
        start, end, chosen = self.selected
        return Suggestion(chosen + written, start, end + replaced, confidence)
