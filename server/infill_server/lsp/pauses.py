"""Pauses of the user after an edit or an answer, in which a suggestion may grow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_server.lsp.anticipation import cursor_after
from infill_server.lsp.documents import Document
from infill_server.lsp.replacement import Location, Replacement

# Hardly anybody who types takes so long from one key to the next.
PAUSE_S = 0.4


class Pauses:
    """Notices when the user has pressed no key for a while in a document for which the editor shows ghost text.

    Args:
        on_pause: Called with the document and the cursor in it.
        is_open: Returns whether a document is still open.
    """

    def __init__(self, on_pause: Callable[[Snapshot], object], is_open: Callable[[Document], bool]) -> None:
        self._on_pause = on_pause
        self._is_open = is_open
        self._timer: asyncio.TimerHandle | None = None
        self._uri, self._location = "", (0, 0)

    def edited(self, document: Document, edits: Sequence[Replacement]) -> None:
        """Notice an edit of a document; several at once are not typing."""
        self.stop()
        if document.uri == self._uri and len(edits) == 1 and document.typed is not None:
            self._wait(document, cursor_after(edits[0]), PAUSE_S)

    def answered(self, document: Document, snapshot: Snapshot, location: Location) -> None:
        """Notice that a request for ghost text was answered; a slow answer may come when the user has paused already.

        Args:
            document: The document.
            snapshot: The same as it was requested.
            location: The cursor.
        """
        if snapshot.trigger is Trigger.INVOKED:
            self.stop()  # What the user asked for stays as it is.
        if snapshot.trigger is Trigger.INVOKED or snapshot.selected is not None:
            return
        self._uri = document.uri
        if self._timer is None or self._location != location:
            self.stop()
            passed_s = 0.0 if snapshot.typed_s is None else time.monotonic() - snapshot.typed_s
            self._wait(document, location, max(PAUSE_S - passed_s, 0.0))

    def stop(self) -> None:
        """Wait for no pause."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, document: Document, location: Location, seconds: float) -> None:
        self._location = location
        self._timer = asyncio.get_running_loop().call_later(seconds, self._paused, document, document.version, location)

    def _paused(self, document: Document, version: int, location: Location) -> None:
        self._timer = None
        if document.version == version and self._is_open(document):
            self._on_pause(document.snapshot_at(location, Trigger.AUTOMATIC))
