"""What was answered and shown before in each document, and what of it serves now."""

from __future__ import annotations

from collections.abc import Callable

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocuments
from infill_completion.suggest.extent import Shape
from infill_completion.suggest.inflight import Flight
from infill_completion.suggest.policy import shown_automatically
from infill_completion.suggest.ranking import judge, line_ahead
from infill_completion.suggest.request import versions_now
from infill_completion.suggest.reuse import Memory, Offer, Recalled, Remembered

Shown = tuple[View, tuple[Offer, ...]]


class Past:
    """Remembers answers, what the user saw of them, and how the newest of each document came about."""

    def __init__(self, documents: OpenDocuments) -> None:
        self._documents = documents
        self._memory = Memory()
        self._shown: dict[str, Shown] = {}
        self._made: dict[str, tuple[Remembered, Flight]] = {}

    def clear(self) -> None:
        """Forget all answers, because the engine would give others now."""
        self._memory.clear()
        self._made.clear()

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._memory.forget(uri)
        self._shown.pop(uri, None)
        self._made.pop(uri, None)

    def show(self, view: View, offers: tuple[Offer, ...]) -> None:
        """Take note of what the user sees."""
        self._shown[view.uri] = view, offers

    def shown(self, uri: str) -> Shown | None:
        """Return what the user saw last in a document, and where."""
        return self._shown.get(uri)

    def recall(self, view: View, min_confidence: float) -> Recalled | None:
        """Return the earlier answer that serves ``view``; None where the engine must be asked."""
        shown = self._shown.get(view.uri)
        return self._memory.recall(
            view,
            versions_now(view.uri, self._documents),
            lambda recalled: shown_automatically(view, recalled, shown, min_confidence),
        )

    def making_of(self, recalled: Recalled | None) -> Flight | None:
        """Return the flight that brought an answer, if it is the newest that was asked for in its document."""
        if recalled is None:
            return None
        entry, flight = self._made.get(recalled.entry.view.uri, (None, None))
        return flight if entry is recalled.entry else None

    def take(self, flight: Flight, min_confidence: float, knows: Callable[[str], bool]) -> None:
        """Judge and remember what a flight brought, whoever still waits for it; see `judge` for ``knows``."""
        generation, view = flight.generation, flight.origin
        if generation.plan.shape is Shape.AHEAD and generation.choices[0].text.startswith("\n"):
            ahead = line_ahead(view, generation.choices[0], min_confidence)
            self._memory.remember(Remembered(view, (), SkipReason.EMPTY, flight.sources, ahead))
            return
        verdict = judge(view, generation.choices, min_confidence, knows)
        if verdict.reason is SkipReason.TOO_SLOW:
            flight.is_late = True  # Not remembered, since the next attempt may be in time.
            return
        if generation.request.explain and self.recall(view, min_confidence) is not None:
            return  # An explanation changes nothing of what it explains.
        entry = Remembered(view, verdict.offers, verdict.reason, flight.sources)
        self._memory.remember(entry)
        if flight.asked is not None:
            self._made[view.uri] = entry, flight
