"""Watches what becomes of the suggestions of one window, and records it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from infill_completion.errors import frames_of
from infill_server.lsp.documents import Document
from infill_server.lsp.replacement import Replacement
from infill_server.records.keeping import Keeping, Schedule, TextAt
from infill_server.records.live_row import LiveRow
from infill_server.records.offered import Offered
from infill_server.records.row import SuggestionOutcome, SuggestionRow
from infill_server.records.shown import Progress, ShownSuggestion

log = logging.getLogger(__name__)


class RowSink(Protocol):
    """Takes rows."""

    def put(self, row: SuggestionRow) -> None:
        """Store a row, in the place of the one with its id."""

    def discard(self) -> None:
        """Drop the rows that are not stored yet."""


@dataclass
class _Watched:
    """A suggestion that is watched, or the last one of its document."""

    shown: ShownSuggestion
    live: LiveRow
    began_s: float
    is_confirmed: bool = False
    is_over: bool = False


class SuggestionObserver:
    """Follows each suggestion from the answer to its end, and accepted text for five minutes.

    A suggestion that is typed into, or comes back after a deletion, is one suggestion. Where a client reports what it
    shows, only that counts.

    Args:
        sink: Takes the rows.
        is_on: Returns whether the user lets suggestions be recorded.
        text_at: Returns the text of a document between two locations; None if it is not open.
        schedule: Calls a function later; by default the event loop.
    """

    def __init__(
        self,
        sink: RowSink,
        is_on: Callable[[], bool],
        text_at: TextAt,
        schedule: Schedule | None = None,
    ) -> None:
        self._sink = sink
        self._is_on = is_on
        self._watched: dict[str, _Watched] = {}
        self._keeping = Keeping(text_at, schedule)
        self._reports_shown = False

    def offered(self, answer: Offered) -> None:
        """Record an answer that the client has got."""
        uri = unquote(answer.uri)
        if not self._is_on():
            self._forget()
            return
        watched = self._watched.get(uri)
        if watched is not None and not watched.is_over:
            if answer.texts and watched.shown.continued(answer.cursor, answer.texts):
                text = watched.shown.text
                lines = len(text.splitlines())
                # The estimate was of the suggestion as it was before it grew by whole lines.
                estimate = watched.live.row.estimate if lines == watched.live.row.lines else None
                watched.live.change(characters=len(text), lines=lines, estimate=estimate)
                return
            if not answer.texts and answer.cursor == watched.shown.cursor:
                return  # The popup has nothing where there is ghost text, or the other way around.
            self._end(watched, SuggestionOutcome.IGNORED)
        if answer.row is not None:
            live = LiveRow(answer.row, self._put)
            self._watched[uri] = _Watched(ShownSuggestion(answer.cursor, answer.texts), live, time.monotonic())

    def edited(self, document: Document, edits: Iterable[Replacement]) -> None:
        """Follow the edits of a document; an error here must not cost the edit."""
        uri = unquote(document.uri)
        watched = self._watched.get(uri)
        try:
            for edit in edits:
                self._keeping.edited(uri, edit)
                if watched is None or watched.is_over:
                    continue
                progress = watched.shown.edit(edit)
                if progress is not Progress.OPEN:
                    self._end(
                        watched,
                        SuggestionOutcome.TYPED if progress is Progress.COMPLETE else SuggestionOutcome.TYPED_OVER,
                    )
            self._keeping.settle(uri)
        except Exception as error:
            # The message may quote the document.
            log.error("%s at\n%s", type(error).__name__, frames_of(error))  # noqa: TRY400

    def reported(self, uri: str, text: str) -> None:
        """Record that the client shows an item."""
        self._reports_shown = True
        watched = self._watched.get(unquote(uri))
        if watched is not None and watched.shown.is_of(text):
            watched.is_confirmed = True

    def accepted(self, uri: str, text: str, taken: int | None = None) -> None:
        """Record that the user accepted an item, or its first ``taken`` characters."""
        uri = unquote(uri)
        watched = self._watched.get(uri)
        if watched is None or not self._is_on() or not watched.shown.is_of(text):
            return
        shown, live = watched.shown, watched.live
        if live.row.outcome in {SuggestionOutcome.ACCEPTED, SuggestionOutcome.UNDONE}:
            return
        is_whole = taken is None or taken >= len(text)
        # From the front of the suggestion, which may have begun before the item.
        end = len(shown.text) if is_whole else len(shown.text) - len(text) + (taken or 0)
        start = len(shown.text) - len(shown.rest)
        if start >= end:  # The edit came first.
            start = max(end - shown.last_step, 0)
        part = shown.text[start:end]
        outcome = SuggestionOutcome.ACCEPTED if is_whole else SuggestionOutcome.PARTLY
        live.change(outcome=outcome, taken_characters=live.row.taken_characters + len(part))
        self._keeping.follow(uri, live, shown.place(start), part)
        if is_whole:
            self._end(watched, outcome)
        else:
            live.store()

    def closed(self, uri: str) -> None:
        """Forget a document."""
        uri = unquote(uri)
        watched = self._watched.pop(uri, None)
        if watched is not None and not watched.is_over:
            self._end(watched, SuggestionOutcome.IGNORED)
        self._keeping.closed(uri)

    def close(self) -> None:
        """End the suggestions that are shown."""
        for uri in list(self._watched):
            self.closed(uri)
        self._keeping.clear()

    def _end(self, watched: _Watched, outcome: SuggestionOutcome) -> None:
        """Record how a suggestion ended, unless it was accepted before."""
        live = watched.live
        if not watched.is_over:
            live.change(shown_ms=round((time.monotonic() - watched.began_s) * 1000))
        watched.is_over = True
        if not live.row.outcome.is_taken:
            if self._reports_shown and not watched.is_confirmed and live.row.face == "inline":
                return
            live.change(outcome=outcome)
        live.store()

    def _put(self, row: SuggestionRow) -> None:
        if self._is_on():
            self._sink.put(row)

    def _forget(self) -> None:
        self._watched.clear()
        self._keeping.clear()
        self._sink.discard()
