"""Requests that an editor is going to make, known from its edits before they come."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_server.lsp.documents import Document
from infill_server.lsp.replacement import Replacement, advanced

# An editor that asks sooner does not wait for a pause in the typing; its request is as early as its edit.
LEAST_LAG_S = 0.01
# A bracket or quote that the editor has closed, or a line that it has opened between brackets; the cursor is inside.
_PAIR = re.compile(r"\(\)|\[\]|\{\}|<>|\"\"|''|``")
_OPENED_LINE = re.compile(r"((?:\r\n|\n|\r)[ \t]*)(?:\r\n|\n|\r)[ \t]*")


class Anticipation:
    """Notices the edits after which the editor is going to ask for a suggestion.

    Many editors wait for a pause before they ask: VS Code 50 ms, Neovim's own inline completion 200 ms. After a request
    that came so, the next edit is expected to be followed by one too; after an edit that was not, none is.

    Args:
        on_expected: Called with the document as the editor is going to ask about it.
        clock: Seconds that never go back.
    """

    def __init__(self, on_expected: Callable[[Snapshot], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._on_expected = on_expected
        self._clock = clock
        self._is_waiting = False

    def requested(self, snapshot: Snapshot) -> None:
        """Learn from a request whether the editor waits before it asks."""
        if snapshot.trigger is Trigger.INVOKED:
            return
        typed_s = snapshot.typed_s if snapshot.selected is None else None
        self._is_waiting = typed_s is not None and self._clock() - typed_s >= LEAST_LAG_S

    def edited(self, document: Document, edits: Sequence[Replacement]) -> None:
        """Notice the edit of a document; several at once are not typing."""
        is_expected, self._is_waiting = self._is_waiting, False
        if is_expected and len(edits) == 1 and document.typed is not None:
            self._on_expected(document.snapshot_at(cursor_after(edits[0]), Trigger.AUTOMATIC))


def cursor_after(edit: Replacement) -> tuple[int, int]:
    """Return where typing leaves the cursor."""
    if _PAIR.fullmatch(edit.text):
        return advanced(edit.start, edit.text[0])
    line = _OPENED_LINE.fullmatch(edit.text)
    return edit.end if line is None else advanced(edit.start, line[1])
