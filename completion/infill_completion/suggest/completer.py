"""The path of a keystroke: from a snapshot of a document to an answer.

What needs no model comes first: an earlier answer that still fits, then a running one. Only then the request waits
for a pause in the typing and asks the engine.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace

from infill_completion.api import Engine, EngineUnavailableError
from infill_completion.context import Context, Gatherer
from infill_completion.document.snapshot import Answer, SkipReason, Snapshot
from infill_completion.document.view import View
from infill_completion.document.window import budgets
from infill_completion.document.workspace import NoDocuments, OpenDocuments
from infill_completion.privacy.rules import Privacy
from infill_completion.settings import Settings
from infill_completion.suggest.debounce import Debounce
from infill_completion.suggest.explain import Explanation, explanation
from infill_completion.suggest.extent import Plan, plan, plan_ahead
from infill_completion.suggest.history import Past
from infill_completion.suggest.inflight import Flight, Flights
from infill_completion.suggest.pending import Turn, Turns
from infill_completion.suggest.policy import engine_failure, privacy_message, refusal, skip_reason
from infill_completion.suggest.request import asking
from infill_completion.suggest.reuse import Offer, Recalled
from infill_completion.suggest.stream import described
from infill_completion.suggest.trace import Trace


class Completer:
    """Turns snapshots into answers with an engine's help.

    All methods are called on one event loop. Requests of different documents do not disturb each other.
    """

    def __init__(self, engine: Engine, settings: Settings, documents: OpenDocuments | None = None) -> None:
        self._settings = settings
        self._documents: OpenDocuments = documents or NoDocuments()
        self._turns = Turns()
        self._privacy = Privacy(settings.privacy.ignore)
        self._gatherer = Gatherer()
        self._engine = engine
        self._past = Past(self._documents)
        self._debounce = Debounce()
        self._flights = Flights(engine, self._landed)
        self._rested: set[str] = set()

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next request on; answers that they would change are forgotten."""
        if _fingerprint(settings) != _fingerprint(self._settings):
            self.forget()
        if settings.privacy != self._settings.privacy:
            self._privacy = Privacy(settings.privacy.ignore)
        self._settings = settings

    def forget(self) -> None:
        """Forget all earlier answers, because the engine has another model now."""
        self._past.clear()

    def accepted(self, uri: str, text: str) -> None:
        """Take note that the user took a suggestion: what follows it is computed now, unless it is there already.

        A user who has just taken one reads and does not type, so the next request waits for no pause.

        Args:
            uri: The document.
            text: The suggestion's text as it was offered.
        """
        self._rested.add(uri)
        shown = self._past.shown(uri)
        if shown is not None:
            view, offers = shown
            for offer in offers:
                if view.suggestion(offer.text, offer.confidence, offer.replaced).text == text:
                    self._look_ahead(view, offer)
                    break

    def closed(self, uri: str) -> None:
        """Forget a document; a request that still waits for it is answered as superseded."""
        self._turns.close(uri)
        self._flights.stop(uri)
        self._past.forget(uri)
        self._gatherer.closed(uri)
        self._rested.discard(uri)

    async def aclose(self) -> None:
        """Stop all work and wait until the engine's streams are closed."""
        for uri in self._turns.uris:
            self.closed(uri)
        await self._flights.aclose()
        await self._gatherer.aclose()

    async def complete(self, snapshot: Snapshot) -> Answer:
        """Answer one request.

        Trouble of the engine is part of the answer, never an exception; ``details["message"]`` then holds a sentence
        with the next step. ``details["steps"]`` tells what happened when, ``details["reuse"]`` which earlier
        answer was used.

        Raises:
            asyncio.CancelledError: The caller's task was cancelled; the engine stops soon after unless a request for
                the same place follows.
        """
        trace = Trace()
        rule = self._privacy.rule_for(snapshot.uri, self._documents.roots())
        skip = skip_reason(snapshot, self._settings, rule)
        if skip is not None:
            return Answer(reason=skip, details={"message": privacy_message(rule)} if rule else {})
        view = self._view(snapshot)
        self._gatherer.visited(view.uri, view.offset)
        with self._turns.take(view, snapshot.version) as turn:
            answer = await self._answer(view, turn, trace)
        answer.details["steps"] = trace.steps
        return answer

    async def explain(self, snapshot: Snapshot) -> Explanation:
        """Tell everything behind the answer that ``snapshot`` gets.

        Where that answer is remembered together with its making, the engine only tells about the prompt; else it is
        asked anew, but a remembered answer stays what the user gets.
        """
        trace = Trace()
        rule = self._privacy.rule_for(snapshot.uri, self._documents.roots())
        skip = skip_reason(snapshot, self._settings, rule)
        view = self._view(snapshot)
        extent = self._plan(view)
        recalled = self._recall(view) if skip is None else None
        skip = skip or (refusal(view) if recalled is None else None)
        if skip is not None:
            withheld = (privacy_message(rule),) if rule else ()
            return explanation(snapshot, view, extent, trace, reason=skip, withheld=withheld)
        trace.note("memory", how=None if recalled is None else recalled.how.value)
        making = self._past.making_of(recalled)
        if making is not None:
            flight, generation = making, making.generation
            trace.note("asked", **(flight.asked or {}))
            generation.explained = await described(self._engine, generation.request, generation.plan)
        else:
            with self._turns.take(view, snapshot.version) as turn:
                flight = self._start(view, extent, trace, is_explained=True)
                await self._flights.wait(flight, turn.superseded)
        trace.note("engine", latency_ms=flight.latency_ms)
        min_confidence = self._settings.completion.min_confidence
        return explanation(
            snapshot, view, extent, trace, flight=flight, recalled=recalled, min_confidence=min_confidence
        )

    def _view(self, snapshot: Snapshot) -> View:
        settings = self._settings
        prefix, suffix, _ = budgets(
            settings.engine.context_tokens, settings.completion.max_tokens, settings.context.share
        )
        return View.of(snapshot, prefix, suffix)

    def _plan(self, view: View) -> Plan:
        multiline = self._settings.completion.multiline
        return plan(view.window, view.language_id, multiline=multiline, is_invoked=view.is_invoked)

    async def _answer(self, view: View, turn: Turn, trace: Trace) -> Answer:
        if not view.is_invoked:
            self._debounce.key(time.monotonic())
        recalled = self._recall(view)
        if recalled is not None:
            return self._from_memory(view, recalled, trace)
        extent = self._plan(view)
        trace.note("plan", shape=extent.shape.value)
        refused = refusal(view)
        if refused is not None:
            return Answer(reason=refused)
        while not turn.superseded.is_set():
            flight = self._flights.joinable(view)
            if flight is None:
                if await self._pause(view, turn, trace):
                    break
                recalled = self._recall(view)
                if recalled is not None:
                    return self._from_memory(view, recalled, trace)
                flight = self._flights.joinable(view) or self._start(view, extent, trace)
            else:
                trace.note("joined")
            await self._flights.wait(flight, turn.superseded)
            answer = self._after_landing(view, flight, turn, trace)
            if answer is not None:
                return answer
        return Answer(reason=SkipReason.SUPERSEDED, is_final=False)

    async def _pause(self, view: View, turn: Turn, trace: Trace) -> bool:
        """Wait for a pause in the typing; tell whether the turn was superseded meanwhile."""
        self._flights.stop(view.uri)
        fixed = self._settings.completion.debounce_ms
        is_rested = view.uri in self._rested
        self._rested.discard(view.uri)
        wait_ms = 0.0 if view.is_invoked or is_rested else self._debounce.wait_ms if fixed is None else fixed
        started = time.monotonic()
        self._context(view)  # Gathered while the user may still type; `_start` finds it ready.
        spent_ms = (time.monotonic() - started) * 1000
        trace.note("debounce", wait_ms=wait_ms, context_ms=spent_ms)
        return await turn.pause(wait_ms - spent_ms)

    def _start(self, view: View, extent: Plan, trace: Trace, *, is_explained: bool = False) -> Flight:
        context = self._context(view)
        asked = asking(view, extent, self._settings, self._documents, context, is_explained=is_explained)
        trace.note(
            "asked",
            prefix_characters=len(asked.request.prefix),
            suffix_characters=len(asked.request.suffix or ""),
            sources=[asdict(source) for source in asked.sources],
            withheld=asked.withheld,
        )
        return self._flights.start(view, asked.request, extent, asked.versions, asked=trace.find("asked"))

    def _context(self, view: View) -> Context:
        settings = self._settings
        _, _, budget = budgets(settings.engine.context_tokens, settings.completion.max_tokens, settings.context.share)
        return self._gatherer.gather(view, self._documents, settings, self._privacy, budget)

    def _landed(self, flight: Flight) -> None:
        """Judge and remember what a flight brought, whoever still waits for it."""
        if flight.latency_ms is not None:
            self._debounce.answered(flight.latency_ms)
        self._past.take(flight, self._settings.completion.min_confidence, self._gatherer.knows)

    def _after_landing(self, view: View, flight: Flight, turn: Turn, trace: Trace) -> Answer | None:
        """Return the answer a flight has brought for ``view``; None if the engine must be asked again."""
        if turn.superseded.is_set():
            return None
        trace.note("engine", latency_ms=flight.latency_ms, **flight.generation.timings)
        if flight.error is not None:
            return _unavailable(flight.error)
        if flight.is_late:
            return Answer(reason=SkipReason.TOO_SLOW, is_final=False)
        recalled = self._recall(view)
        return None if recalled is None else self._answered(view, recalled)

    def _recall(self, view: View) -> Recalled | None:
        return self._past.recall(view, self._settings.completion.min_confidence)

    def _from_memory(self, view: View, recalled: Recalled, trace: Trace) -> Answer:
        trace.note("reuse", how=recalled.how.value)
        answer = self._answered(view, recalled)
        answer.details["reuse"] = recalled.how.value
        return answer

    def _answered(self, view: View, recalled: Recalled) -> Answer:
        if not recalled.offers:
            return Answer(reason=recalled.reason or SkipReason.EMPTY)
        self._look_ahead(view, recalled.offers[0])
        offers = recalled.offers
        self._past.show(view, offers)
        return Answer(tuple(view.suggestion(offer.text, offer.confidence, offer.replaced) for offer in offers))

    def _look_ahead(self, view: View, offer: Offer) -> None:
        """Compute what would follow ``offer`` while the user reads it; anything else comes first."""
        if view.selected is not None or self._flights.is_awaited:
            return
        after = view.after(offer.text, offer.replaced)
        extent = plan_ahead(after.window, after.language_id, multiline=self._settings.completion.multiline)
        if extent is None or self._recall(after) is not None or self._flights.joinable(after) is not None:
            return
        asked = asking(after, extent, self._settings, self._documents, self._context(view))
        self._flights.start(after, asked.request, extent, asked.versions, is_ahead=True)


def _fingerprint(settings: Settings) -> Settings:
    """Return the settings without those that change when an answer comes but not what it is."""
    return replace(settings, completion=replace(settings.completion, debounce_ms=0, enabled=True))


def _unavailable(error: EngineUnavailableError) -> Answer:
    details: dict[str, object] = {"message": str(error), "kind": error.kind}
    return Answer(reason=engine_failure(error), is_final=False, details=details)
