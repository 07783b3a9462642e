"""Looks 30 seconds and 5 minutes after an acceptance whether the accepted text is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from infill_completion.document.lines import to_lf
from infill_server.lsp.replacement import Location, Replacement
from infill_server.records.live_row import LiveRow
from infill_server.records.row import SuggestionOutcome
from infill_server.records.taken import TakenText, kept_share

FIRST_S, SECOND_S = 30.0, 300.0
# So many accepted texts are followed at a time; what becomes of older ones stays unknown.
MAX_FOLLOWED = 64
# A range that has grown beyond that, as by a formatter that rewrites the file, is cut.
_MAX_CHARACTERS = 100_000

TextAt = Callable[[str, Location, Location], str | None]
Schedule = Callable[[float, Callable[[], None]], Callable[[], None]]


@dataclass(eq=False)
class _Followed:
    """An accepted text, its row, and what withdraws the looks that are due."""

    uri: str
    live: LiveRow
    taken: TakenText
    withdraw: list[Callable[[], None]] = field(default_factory=list)


class Keeping:
    """Accepted texts of all documents, while they are followed.

    Args:
        text_at: Returns the text of a document between two locations; None if it is not open.
        schedule: Calls a function after so many seconds, and returns what withdraws that; by default the event loop.
    """

    def __init__(self, text_at: TextAt, schedule: Schedule | None = None) -> None:
        self._text_at = text_at
        self._schedule = schedule or _on_event_loop
        self._followed: list[_Followed] = []

    def follow(self, uri: str, live: LiveRow, start: Location, text: str) -> None:
        """Follow an accepted text, or one more part of it."""
        known = next((one for one in self._followed if one.live is live), None)
        if known is not None:
            if known.taken.end == start:
                known.taken.append(text)
            return
        one = _Followed(uri, live, TakenText(start, text))
        one.taken.is_in_place = self._is_there(one)
        one.withdraw = [
            self._schedule(FIRST_S, lambda: self._look(one, "kept_30s")),
            self._schedule(SECOND_S, lambda: self._look(one, "kept_300s")),
        ]
        self._followed.append(one)
        if len(self._followed) > MAX_FOLLOWED:
            self._drop(self._followed[0])

    def edited(self, uri: str, edit: Replacement) -> None:
        """Move what is followed in a document with an edit of it."""
        for one in self._followed:
            if one.uri == uri and one.taken.is_in_place:
                one.taken.edit(edit)

    def settle(self, uri: str) -> None:
        """After the edits of one notification, drop what was reported as accepted but has not come."""
        for one in [one for one in self._followed if one.uri == uri and not one.taken.is_in_place]:
            one.taken.is_in_place = self._is_there(one)
            if not one.taken.is_in_place:
                self._drop(one)

    def closed(self, uri: str) -> None:
        """Forget a document."""
        for one in [one for one in self._followed if one.uri == uri]:
            self._drop(one)

    def clear(self) -> None:
        """Forget everything."""
        while self._followed:
            self._drop(self._followed[0])

    def _is_there(self, one: _Followed) -> bool:
        return self._now(one) == one.taken.text

    def _now(self, one: _Followed) -> str:
        found = self._text_at(one.uri, one.taken.start, one.taken.end)
        return to_lf(found or "")[:_MAX_CHARACTERS]

    def _look(self, one: _Followed, column: str) -> None:
        if one.taken.is_in_place:
            share = round(kept_share(one.taken.text, self._now(one)), 3)
            is_undone = share == 0 and column == "kept_30s"
            one.live.store(**{column: share}, outcome=SuggestionOutcome.UNDONE if is_undone else one.live.row.outcome)
        if column == "kept_300s":
            self._drop(one)

    def _drop(self, one: _Followed) -> None:
        self._followed.remove(one)
        for withdraw in one.withdraw:
            withdraw()


def _on_event_loop(delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
    return asyncio.get_running_loop().call_later(delay_s, call).cancel
