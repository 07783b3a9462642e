"""Puts together the explanation of one answer."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from infill_completion.document.snapshot import SkipReason, Snapshot
from infill_completion.document.view import View
from infill_completion.privacy.ignore_files import Rule
from infill_completion.suggest.explanation import ExplainedCandidate, Explanation
from infill_completion.suggest.extent import Extent
from infill_completion.suggest.history import History
from infill_completion.suggest.inflight import InflightRequest
from infill_completion.suggest.policy import engine_failure, privacy_message
from infill_completion.suggest.ranking import RankedCandidate
from infill_completion.suggest.reuse.memory import Recalled
from infill_completion.suggest.trace import Trace


def explain_skip(
    snapshot: Snapshot, extent: Extent, trace: Trace, reason: SkipReason, rule: Rule | None
) -> Explanation:
    """Return the explanation of a request for which the engine is not asked; ``rule`` keeps its file private."""
    return replace(
        _head(snapshot, extent, trace),
        reason=reason.value,
        withheld=(privacy_message(rule),) if rule else (),
        timings_ms={"total_ms": trace.elapsed_ms},
    )


def explain_answer(
    snapshot: Snapshot,
    view: View,
    extent: Extent,
    trace: Trace,
    request: InflightRequest,
    recalled: Recalled | None,
    history: History,
) -> Explanation:
    """Return the explanation of an answer.

    Args:
        snapshot: The document.
        view: The cursor in it.
        extent: How far a suggestion may reach there.
        trace: The steps so far.
        request: The request to the engine, which has finished.
        recalled: The earlier answer that the user gets, whatever a newer request brought; None if there is none.
        history: Knows which suggestions are shown unasked.
    """
    head = replace(_head(snapshot, extent, trace), **_prompt(request, recalled, trace))
    if request.error is not None:
        return replace(head, message=str(request.error), reason=engine_failure(request.error).value)
    stream = request.stream
    if stream.is_running or not stream.choices:
        return replace(head, reason=SkipReason.SUPERSEDED.value)
    # An earlier answer was ranked at the cursor that it was requested for.
    origin = view if recalled is None else request.prepared.view
    ranking = history.rank(origin, stream.choices)
    offers, reason = (ranking.offers, ranking.reason) if recalled is None else (recalled.offers, recalled.reason)
    if reason is None and not offers:
        reason = SkipReason.EMPTY
    return replace(
        head,
        candidates=tuple(_explained(candidate) for candidate in ranking.candidates),
        suggestions=tuple(view.suggestion(offer.text, offer.confidence, offer.replaced) for offer in offers),
        reason=None if reason is None else reason.value,
    )


def _head(snapshot: Snapshot, extent: Extent, trace: Trace) -> Explanation:
    return Explanation(
        snapshot.uri, snapshot.language_id, snapshot.trigger.value, extent.kind.value, steps=tuple(trace.steps)
    )


def _prompt(request: InflightRequest, recalled: Recalled | None, trace: Trace) -> dict[str, Any]:
    """Return the fields of an explanation that describe the request to the engine."""
    stream, prepared = request.stream, request.prepared
    values = asdict(stream.request)
    prefix, suffix, _ = values.pop("prefix"), values.pop("suffix"), values.pop("context")
    return {
        "remembered": None if recalled is None else recalled.how.value,
        "sources": tuple(asdict(source) for source in prepared.sources),
        "withheld": tuple(prepared.withheld),
        "prefix": prefix,
        "suffix": suffix or "",
        "request": values,
        "timings_ms": {**stream.timings, "total_ms": trace.elapsed_ms},
        "usage": asdict(stream.usage) if stream.usage else {},
        "engine": stream.explained or {},
    }


def _explained(candidate: RankedCandidate) -> ExplainedCandidate:
    choice = candidate.choice
    return ExplainedCandidate(
        raw=choice.raw,
        finish_reason=choice.finish_reason.value,
        confidence=choice.confidence,
        probability=None if candidate.estimate is None else candidate.estimate.probability,
        taken=choice.text,
        filters=candidate.steps,
        text=candidate.text,
    )
