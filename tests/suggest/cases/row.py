"""A row of the tables of suggestions with several lines: a cursor, what the model writes, the document afterwards."""

from __future__ import annotations

from typing import NamedTuple

from infill_completion.document.snapshot import SkipReason

# The model's text goes into the document as it is.
WHOLE = "\0whole"


class Row(NamedTuple):
    """One cursor.

    Attributes:
        language: The language id.
        text: The document with the cursor at its ``█``.
        raw: What the model writes.
        automatic: The document after the automatic suggestion was accepted, or why there is none.
        invoked: The same for an invoked one; None if it is the same document.
    """

    language: str
    text: str
    raw: str
    automatic: str | SkipReason
    invoked: str | SkipReason | None = None

    def expected(self, *, is_invoked: bool) -> str | SkipReason:
        """Return the document after the suggestion was accepted, or why there is none."""
        found = self.invoked if is_invoked and self.invoked is not None else self.automatic
        return self.text.replace("█", self.raw) if found == WHOLE else found
