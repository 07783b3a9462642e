"""Grows the suggestion at a place where the user pauses.

The lines that follow it are computed one after another, each as if the ones before it had been accepted, so that they
pass the same filters and are known already if the user gets there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.document.view import View
from infill_completion.suggest.ahead.futures import after_accepting
from infill_completion.suggest.ahead.lookahead import LookAhead
from infill_completion.suggest.growing.whole_lines import LinePlace, may_end, may_grow, place_of
from infill_completion.suggest.history import History
from infill_completion.suggest.reuse.memory import Offer, Recalled, Reuse, remaining_offers

# Lines that come faster than this are shown together.
_TOGETHER_S = 0.15
_NO_LINE: tuple[Offer, tuple[str, ...]] = Offer(""), ()
# Why there is nothing to show at the end of a line that is whole.
_LINE_IS_WHOLE = frozenset({SkipReason.NEXT_LINE, SkipReason.EMPTY})


class Growth:
    """Grows one suggestion at a time; a request for another place ends that.

    Args:
        history: The suggestions that are known, and how likely they are right.
        lookahead: Asks for the next line.
    """

    def __init__(self, history: History, lookahead: LookAhead) -> None:
        self._history = history
        self._lookahead = lookahead
        self._place: tuple[str, int, int] | None = None
        self._task: asyncio.Task[bool] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a suggestion is growing."""
        return self._task is not None

    def visit(self, snapshot: Snapshot) -> None:
        """End what runs for another place than that of ``snapshot``, or anything if the user asks for a suggestion."""
        if snapshot.trigger is Trigger.INVOKED or self._place != _place_of(snapshot):
            self.stop()

    def stop(self, uri: str | None = None) -> None:
        """End what runs, or only what runs in the document ``uri``."""
        if uri is None or self._place is None or self._place[0] == uri:
            if self._task is not None:
                self._task.cancel()
            self._task = self._place = None

    async def grow(self, snapshot: Snapshot, view: View, on_longer: Callable[[], None]) -> None:
        """Let the suggestion at ``view`` grow; returns at the end of that, or when it was ended.

        It grows once at a place: the request for what it has grown to is followed by a pause of its own.

        Args:
            snapshot: The document where the user pauses.
            view: The same.
            on_longer: Called whenever a request for that place would be answered with more than before.
        """
        if self._place == _place_of(snapshot):
            return
        self.stop()
        task = self._task = asyncio.create_task(self._grow(view, on_longer))
        place = self._place = _place_of(snapshot)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            if self._task is task:
                self._task = self._place = None
        if not task.cancelled() and task.result():
            self._place = place

    async def _grow(self, view: View, on_longer: Callable[[], None]) -> bool:
        """Let it grow, and return whether there was anything that may."""
        await self._lookahead.answered(view)
        recalled = self._history.recall(view)
        begun = None if recalled is None else self._begun(view, recalled)
        told = self._told(view)
        if recalled is None or begun is None or not may_grow(view, begun.text, begun.replaced):
            # What began as not worth showing may have turned out to be; an invoked answer was waited for to its end.
            offers = () if recalled is None or view.is_invoked else recalled.offers
            if is_new := any(offer.text != told for offer in offers[:1]):
                on_longer()
            return is_new
        self._lookahead.forget(view.uri)  # the lines come first
        known, told_s = told, time.monotonic()
        async for offer, uris in self._longer(view, begun):
            recalled = self._history.grow(view, recalled, offer, uris)
            known = offer.text
            if time.monotonic() - told_s >= _TOGETHER_S:
                told, told_s = known, time.monotonic()
                on_longer()
        if known != told:
            on_longer()
        self._lookahead.start_soon(view, recalled)
        return True

    def _told(self, view: View) -> str:
        """Return what the user sees at ``view``; empty for nothing."""
        shown = self._history.shown(view.uri)
        offers = remaining_offers(*shown, view) if shown is not None else ()
        return offers[0].text if offers else ""

    def _begun(self, view: View, recalled: Recalled) -> Offer | None:
        """Return what may grow at ``view``; None for nothing.

        That is what is shown there, what a user who pauses may see besides, or the end of a line that is whole.
        """
        if recalled.offers or recalled.how is not Reuse.SAME:
            return recalled.offers[0] if recalled.offers else None
        unsure = recalled.entry.unsure if recalled.reason is SkipReason.LOW_CONFIDENCE else None
        if recalled.reason in _LINE_IS_WHOLE and not view.window.before[-1:].isspace():
            return Offer("")
        return unsure if unsure is not None and self._history.judge.admits_at_pause(unsure.estimate) else None

    async def _longer(self, view: View, begun: Offer) -> AsyncIterator[tuple[Offer, list[str]]]:
        """Yield ``begun`` and what it grows to, wherever it may end, with the other files that this comes from."""
        uris: list[str] = []
        judge, text, replaced, confidence = self._history.judge, begun.text, begun.replaced, begun.confidence
        likelihood = judge.likelihood(view, text, confidence)
        if text:
            yield begun, uris
        while may_grow(view, text, replaced):
            following, sources = await self._line_after(view, Offer(text, None, replaced))
            uris += sources
            place = place_of(view, text, following.text)
            likelihood *= judge.likelihood(view, following.text, following.confidence)
            if place is LinePlace.OUTSIDE or likelihood < judge.least_likelihood:
                return
            text += following.text
            confidence = min(following.confidence or 0.0, 1.0 if confidence is None else confidence)
            if may_end(view, text, replaced):
                yield Offer(text, confidence, replaced), uris
            if place is LinePlace.CLOSES:
                return

    async def _line_after(self, view: View, offer: Offer) -> tuple[Offer, tuple[str, ...]]:
        """Return the line after ``offer``, or the body of the block that it opens, from the line end on.

        With it come the other files that it was made from.
        """
        future = after_accepting(view, offer)
        recalled = self._history.recall(future.view)
        if recalled is None or (not offer.text and not recalled.entry.ahead.text):
            request = self._lookahead.start(view, future, is_known=recalled is not None)
            if request is None:
                return _NO_LINE
            await request.finished.wait()
            recalled = self._history.recall(future.view)
        if recalled is None:
            return _NO_LINE
        following = recalled.offers[0] if recalled.offers else recalled.entry.ahead
        return (following, recalled.entry.uris) if following.text.startswith("\n") else _NO_LINE


def _place_of(snapshot: Snapshot) -> tuple[str, int, int]:
    return snapshot.uri, snapshot.version, snapshot.offset
