"""Everything behind one answer, for ``infill-ls explain`` and the command ``infill.explain``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from infill_completion.document.snapshot import SkipReason, Snapshot, Suggestion
from infill_completion.document.view import View
from infill_completion.suggest.extent import Plan
from infill_completion.suggest.inflight import Flight
from infill_completion.suggest.policy import engine_failure
from infill_completion.suggest.ranking import judge
from infill_completion.suggest.reuse import Recalled
from infill_completion.suggest.trace import Trace


@dataclass(frozen=True)
class FilterStep:
    """What one filter did to one candidate."""

    name: str
    reason: str
    before: str
    after: str


@dataclass(frozen=True)
class Candidate:
    """One candidate: the model's raw text, what the length rule took of it, each filter that changed it, the rest."""

    raw: str
    finish_reason: str
    confidence: float | None
    taken: str
    filters: tuple[FilterStep, ...]
    text: str


@dataclass(frozen=True)
class Explanation:
    """Why there is or is not a suggestion at one place.

    Attributes:
        uri: The document.
        language_id: Its language.
        trigger: ``automatic`` or ``invoked``.
        decision: What was looked for there: a line, a block, and so on.
        suggestions: What the user gets, best first.
        reason: Why there is none.
        message: A sentence with the next step where the engine is in trouble.
        prefix: The text before the cursor as the engine got it.
        suffix: The text behind the cursor as the engine got it.
        sources: Other files in the prompt: path, kind and characters.
        withheld: What the model did not get to see, and why.
        request: The other values of the request.
        candidates: Each candidate from raw text to suggestion.
        usage: Token counts of the engine, with the cached ones.
        timings_ms: Where the time went, in milliseconds.
        engine: What the engine tells about its prompt.
        remembered: Why the suggestions, or their absence, come from an earlier answer.
        steps: The steps in order, with milliseconds since the start.
    """

    uri: str
    language_id: str
    trigger: str
    decision: str
    suggestions: tuple[Suggestion, ...] = ()
    reason: str | None = None
    message: str | None = None
    prefix: str = ""
    suffix: str = ""
    sources: tuple[dict[str, Any], ...] = ()
    withheld: tuple[str, ...] = ()
    request: dict[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    usage: dict[str, int] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    remembered: str | None = None
    steps: tuple[tuple[str, float, dict[str, Any]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return it as a page for people."""
        return "\n".join([*self._head(), *self._prompt(), *self._candidates(), *self._times()])

    def _head(self) -> list[str]:
        lines = [f"{self.uri} ({self.language_id}, {self.trigger})", f"looked for: {self.decision}"]
        for number, suggestion in enumerate(self.suggestions, 1):
            lines.append(f"suggestion {number}: {suggestion.text!r}")
        if self.reason is not None:
            lines.append(f"no suggestion: {self.reason}")
        return [*lines, *([self.message] if self.message else [])]

    def _prompt(self) -> list[str]:
        if not self.request:
            return [f"withheld: {what}" for what in self.withheld]
        lines = ["", "prompt:", f"  prefix  {len(self.prefix)} characters, ends with {self.prefix[-60:]!r}"]
        lines.append(f"  suffix  {len(self.suffix)} characters, begins with {self.suffix[:60]!r}")
        lines += [f"  {item['kind']}  {item['path']}, {item['characters']} characters" for item in self.sources]
        lines += [f"  withheld: {what}" for what in self.withheld]
        lines += [f"  {name}: {count}" for name, count in self.usage.items()]
        for name in ("tokens_by_source", "dropped_by_source"):
            counts = self.engine.get(name)
            if counts:
                lines.append(f"  {name}: " + ", ".join(f"{source} {count}" for source, count in counts.items()))
        if self.engine.get("respelled"):
            lines.append(f"  spelled again by the model: {self.engine['respelled']!r}")
        if self.remembered is not None:
            lines.append(f"  an earlier answer serves: {self.remembered}")
        return [*lines, "  " + ", ".join(f"{name}={value}" for name, value in self.request.items())]

    def _candidates(self) -> list[str]:
        lines = []
        for number, candidate in enumerate(self.candidates, 1):
            sure = "" if candidate.confidence is None else f", confidence {candidate.confidence:.2f}"
            lines += ["", f"candidate {number} ({candidate.finish_reason}{sure}):", f"  raw    {candidate.raw!r}"]
            lines.append(f"  taken  {candidate.taken!r}")
            for step in candidate.filters:
                lines += [f"  {step.name}: {step.reason}", f"    before {step.before!r}", f"    after  {step.after!r}"]
            lines.append(f"  text   {candidate.text!r}")
        return lines

    def _times(self) -> list[str]:
        return ["", "times:", *(f"  {name}: {value:.1f}" for name, value in self.timings_ms.items())]


def explanation(
    snapshot: Snapshot,
    view: View,
    extent: Plan,
    trace: Trace,
    *,
    flight: Flight | None = None,
    recalled: Recalled | None = None,
    reason: SkipReason | None = None,
    withheld: tuple[str, ...] = (),
    min_confidence: float = 0.0,
) -> Explanation:
    """Put together what is known about one request.

    Without a ``flight`` the engine was not asked; what was ``recalled`` is what the user gets, whatever a newer flight
    says.
    """
    head = Explanation(
        snapshot.uri, snapshot.language_id, snapshot.trigger.value, extent.shape.value, steps=tuple(trace.steps)
    )
    if flight is None:
        skipped = reason.value if reason else None
        return _with(head, reason=skipped, withheld=withheld, timings_ms={"total_ms": trace.elapsed_ms})
    generation = flight.generation
    request = asdict(generation.request)
    asked = trace.find("asked") or {}
    prompt = {name: request.pop(name) for name in ("prefix", "suffix", "context")}
    common = {
        "remembered": (trace.find("memory") or {}).get("how"),
        "sources": tuple(asked.get("sources", ())),
        "withheld": tuple(asked.get("withheld", ())),
        "prefix": prompt["prefix"],
        "suffix": prompt["suffix"] or "",
        "request": request,
        "timings_ms": {**generation.timings, "total_ms": trace.elapsed_ms},
        "usage": asdict(generation.usage) if generation.usage else {},
        "engine": generation.explained or {},
    }
    if flight.error is not None:
        return _with(head, message=str(flight.error), reason=engine_failure(flight.error).value, **common)
    if generation.is_running or not generation.choices:
        return _with(head, reason=SkipReason.SUPERSEDED.value, **common)
    # An earlier answer was judged where it was asked for.
    verdict = judge(view if recalled is None else flight.origin, generation.choices, min_confidence)
    candidates = tuple(
        Candidate(
            raw=item.choice.raw,
            finish_reason=item.choice.finish_reason.value,
            confidence=item.choice.confidence,
            taken=item.choice.text,
            filters=tuple(FilterStep(step.name, step.reason, step.before, step.after) for step in item.steps),
            text=item.text,
        )
        for item in verdict.candidates
    )
    offers, reason = (recalled.offers, recalled.reason) if recalled is not None else (verdict.offers, verdict.reason)
    suggestions = tuple(view.suggestion(offer.text, offer.confidence, offer.replaced) for offer in offers)
    silence = reason.value if reason is not None else None if offers else SkipReason.EMPTY.value
    return _with(head, candidates=candidates, suggestions=suggestions, reason=silence, **common)


def _with(head: Explanation, **changes: Any) -> Explanation:
    return Explanation(**{**{name: getattr(head, name) for name in head.__dataclass_fields__}, **changes})
