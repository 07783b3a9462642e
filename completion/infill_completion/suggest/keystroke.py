"""The path of one request: an earlier answer, else a running request, else a new request to the engine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from infill_completion.api import EngineUnavailableError
from infill_completion.document.snapshot import Answer, SkipReason
from infill_completion.suggest.ahead.lookahead import LookAhead
from infill_completion.suggest.debounce import Debounce
from infill_completion.suggest.extent import Extent
from infill_completion.suggest.growing.growth import Growth
from infill_completion.suggest.history import History
from infill_completion.suggest.inflight import InflightRequest, InflightRequests
from infill_completion.suggest.pending import PendingRequest
from infill_completion.suggest.policy import engine_failure, private_answer
from infill_completion.suggest.request import RequestBuilder
from infill_completion.suggest.reuse.memory import Recalled, Reuse


@dataclass(frozen=True)
class Stages:
    """What a request passes through; all requests of a completer share them.

    Attributes:
        history: Earlier answers.
        inflight: Running requests to the engine.
        debounce: The wait before a new request.
        requests: Builds the new request.
        lookahead: Computes what may follow the answer.
        growth: Makes the answer longer while the user pauses.
    """

    history: History
    inflight: InflightRequests
    debounce: Debounce
    requests: RequestBuilder
    lookahead: LookAhead
    growth: Growth


class Keystroke:
    """One request on its way to an answer."""

    def __init__(self, pending: PendingRequest, stages: Stages) -> None:
        self._pending = pending
        self._view = pending.view
        self._trace = pending.trace
        self._stages = stages

    async def answer(self) -> Answer:
        """Return the answer; the reason is SUPERSEDED if a newer request of the document comes first."""
        self._stages.lookahead.forget(self._view.uri)
        if not self._view.is_invoked:
            self._stages.debounce.key(self._pending.typed_s)
        answer = self._from_history()
        if answer is not None:
            return answer
        extent = self._stages.requests.extent(self._view)
        self._trace.note("plan", shape=extent.kind.value)
        refused = self._stages.requests.refusal(self._view, None)
        return await self._from_engine(extent) if refused is None else Answer(reason=refused)

    async def anticipate(self) -> None:
        """Ask the engine what the editor is going to ask for; its request then joins this one, or finds the answer."""
        self._stages.lookahead.forget(self._view.uri)
        self._stages.debounce.key(self._pending.typed_s)
        if self._is_known() or self._stages.requests.refusal(self._view, None) is not None or await self._pause():
            return
        if not self._is_known() and self._refused_by_now() is None:
            self._start(self._stages.requests.extent(self._view))

    async def explain(self, extent: Extent) -> InflightRequest:
        """Ask the engine, with an explanation of its prompt, and wait until it has answered."""
        request = self._start(extent, is_explained=True)
        await self._stages.inflight.wait(request, self._pending.superseded)
        return request

    def _is_known(self) -> bool:
        """Return whether the engine need not be asked, or is being asked already."""
        stages = self._stages
        return stages.history.recall(self._view) is not None or stages.inflight.joinable(self._view) is not None

    def _from_history(self) -> Answer | None:
        recalled = self._stages.history.recall(self._view)
        if recalled is None:
            return None
        if (refused := self._stages.requests.refusal(self._view, recalled.how)) is not None:
            return Answer(reason=refused)
        request = self._stages.history.request_behind(recalled)
        if request is not None and request.is_anticipated and recalled.how is Reuse.SAME:
            request.was_awaited = True
            self._trace.note("anticipated")
            self._trace.note("engine", latency_ms=request.latency_ms, **request.stream.timings)
            return self._show(recalled)
        self._trace.note("reuse", how=recalled.how.value)
        answer = self._show(recalled)
        answer.details["reuse"] = recalled.how.value
        return answer

    async def _from_engine(self, extent: Extent) -> Answer:
        inflight, superseded = self._stages.inflight, self._pending.superseded
        while not superseded.is_set():
            request = inflight.joinable(self._view)
            if request is None:
                if await self._pause():
                    break
                answer = self._from_history() or self._refused_by_now()
                if answer is not None:
                    return answer
                request = inflight.joinable(self._view) or self._start(extent)
            else:
                self._trace.note("anticipated" if request.is_anticipated else "joined")
            await inflight.wait(request, superseded)
            answer = self._outcome(request)
            if answer is not None:
                return answer
        return Answer(reason=SkipReason.SUPERSEDED, is_final=False)

    def _refused_by_now(self) -> Answer | None:
        """Return the answer for a document that has become private while the request waited."""
        rule = self._stages.requests.ignore_rule(self._view.uri)
        return None if rule is None else private_answer(rule)

    async def _pause(self) -> bool:
        """Wait for a pause in the typing, and return whether a newer request came meanwhile.

        The pause begins with the key, not with the request: many editors wait too before they ask.
        """
        view, stages = self._view, self._stages
        stages.inflight.stop(view.uri)
        wait_ms = stages.debounce.next_wait_ms(view.uri, is_invoked=view.is_invoked)
        started = time.monotonic()
        stages.requests.gather(view)  # Done while the user may still type; `_start` then finds it ready.
        now = time.monotonic()
        left_ms = max(wait_ms - (now - self._pending.typed_s) * 1000, 0.0)
        self._trace.note("debounce", wait_ms=wait_ms, left_ms=left_ms, context_ms=(now - started) * 1000)
        return await self._pending.pause(left_ms)

    def _start(self, extent: Extent, *, is_explained: bool = False) -> InflightRequest:
        requests = self._stages.requests
        context = requests.gather(self._view)
        prepared = requests.build(self._view, extent, context, is_explained=is_explained)
        self._trace.note("asked", **prepared.summary())
        # Whoever asks for a suggestion gets it, however unsure it is.
        is_judged = prepared.request.ends_with_line and not (is_explained or self._view.is_invoked)
        may_be_shown = partial(self._stages.history.may_be_shown, self._view) if is_judged else None
        return self._stages.inflight.start(prepared, may_be_shown=may_be_shown)

    def _outcome(self, request: InflightRequest) -> Answer | None:
        """Return the answer that a request brought, or None if the engine must be asked again."""
        if self._pending.superseded.is_set():
            return None
        if not request.finished.is_set():
            if not request.is_for(self._view):
                return None
            self._trace.note("given up")
            self._stages.inflight.release(request)
            self._stages.lookahead.start_after(request, self._view)
            return Answer(reason=SkipReason.LOW_CONFIDENCE)
        first_logprob = request.stream.choices[0].first_logprob if request.stream.choices else None
        timings = request.stream.timings
        self._trace.note("engine", latency_ms=request.latency_ms, first_logprob=first_logprob, **timings)
        if request.error is not None:
            return _unavailable(request.error)
        if request.is_late:
            return Answer(reason=SkipReason.TOO_SLOW, is_final=False)
        recalled = self._stages.history.recall(self._view)
        return None if recalled is None else self._show(recalled)

    def _show(self, recalled: Recalled) -> Answer:
        """Return what the user gets to see, and begin to compute what may follow it."""
        offers = recalled.offers
        if not self._stages.growth.is_running:
            self._stages.lookahead.start_soon(self._view, recalled)
        if not offers:
            return Answer(reason=recalled.reason or SkipReason.EMPTY)
        self._stages.history.show(self._view, offers)
        suggestions = tuple(self._view.suggestion(offer.text, offer.confidence, offer.replaced) for offer in offers)
        estimate = offers[0].estimate
        return Answer(suggestions, details={} if estimate is None else {"estimate": estimate.shipped})


def _unavailable(error: EngineUnavailableError) -> Answer:
    details: dict[str, object] = {"message": str(error), "kind": error.kind}
    return Answer(reason=engine_failure(error), is_final=False, details=details)
