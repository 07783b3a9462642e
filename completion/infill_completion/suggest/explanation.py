"""An explained answer, for ``infill-ls explain`` and the command ``infill.explain``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from infill_completion.document.snapshot import Suggestion
from infill_completion.suggest.filters import FilterStep


@dataclass(frozen=True)
class ExplainedCandidate:
    """One candidate on its way from the model to the user.

    Attributes:
        raw: What the model wrote.
        finish_reason: Why it stopped.
        confidence: The mean probability of a token; None if the engine reports none.
        probability: How likely it is right by the show-model; None if that does not judge it.
        taken: The part that lies within the extent of a suggestion.
        filters: Each filter that changed it.
        text: What is left.
    """

    raw: str
    finish_reason: str
    confidence: float | None
    taken: str
    filters: tuple[FilterStep, ...]
    text: str
    probability: float | None = None


@dataclass(frozen=True)
class Explanation:
    """Why there is or is not a suggestion at a cursor.

    Attributes:
        uri: The document.
        language_id: Its language.
        trigger: ``automatic`` or ``invoked``.
        decision: What was looked for there: a line, a block, and so on.
        suggestions: What the user gets, best first.
        reason: Why there is no suggestion.
        message: A sentence with the next step if the engine is in trouble.
        prefix: The text before the cursor as the engine got it.
        suffix: The text after the cursor as the engine got it.
        sources: Other files in the prompt: path, kind and characters.
        withheld: What was kept from the model, and why.
        request: The other values of the request.
        candidates: Each candidate from raw text to suggestion.
        usage: Token counts of the engine, with the cached ones.
        timings_ms: Where the time went, in milliseconds.
        engine: The engine's explanation of its prompt.
        remembered: Why an earlier answer was used, if one was.
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
    candidates: tuple[ExplainedCandidate, ...] = ()
    usage: dict[str, int] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    remembered: str | None = None
    steps: tuple[tuple[str, float, dict[str, Any]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the explanation as a page to read."""
        return "\n".join([*self._head(), *self._prompt(), *self._candidates(), *self._reranked(), *self._times()])

    def _head(self) -> list[str]:
        lines = [f"{self.uri} ({self.language_id}, {self.trigger})", f"looked for: {self.decision}"]
        for number, suggestion in enumerate(self.suggestions, 1):
            lines.append(f"suggestion {number}: {suggestion.text!r}")
        if self.reason is not None:
            lines.append(f"no suggestion: {self.reason}")
        return [*lines, *([self.message] if self.message else [])]

    def _prompt(self) -> list[str]:
        if not self.request:
            return [f"withheld: {reason}" for reason in self.withheld]
        lines = ["", "prompt:", f"  prefix  {len(self.prefix)} characters, ends with {self.prefix[-60:]!r}"]
        lines.append(f"  suffix  {len(self.suffix)} characters, begins with {self.suffix[:60]!r}")
        lines += [f"  {item['kind']}  {item['path']}, {item['characters']} characters" for item in self.sources]
        lines += [f"  withheld: {reason}" for reason in self.withheld]
        lines += [f"  {name}: {count}" for name, count in self.usage.items()]
        for name in ("tokens_by_source", "dropped_by_source"):
            counts = self.engine.get(name)
            if counts:
                lines.append(f"  {name}: " + ", ".join(f"{source} {count}" for source, count in counts.items()))
        if self.engine.get("workspace_texts"):
            use = "in the model's choice" if self.engine.get("workspace_mixed") else "for drafts only"
            texts, tokens = self.engine["workspace_texts"], self.engine["workspace_tokens"]
            lines.append(f"  counted {use}: {texts} files of the workspace, {tokens} tokens")
        if self.engine.get("weights"):
            lines.append(f"  weights: {self.engine['weights']}")
        if self.engine.get("respelled"):
            lines.append(f"  spelled again by the model: {self.engine['respelled']!r}")
        if self.remembered is not None:
            lines.append(f"  an earlier answer serves: {self.remembered}")
        return [*lines, "  " + ", ".join(f"{name}={value}" for name, value in self.request.items())]

    def _candidates(self) -> list[str]:
        lines = []
        for number, candidate in enumerate(self.candidates, 1):
            confidence = "" if candidate.confidence is None else f", confidence {candidate.confidence:.2f}"
            if candidate.probability is not None:
                confidence += f", right with probability {candidate.probability:.2f}"
            lines += ["", f"candidate {number} ({candidate.finish_reason}{confidence}):", f"  raw    {candidate.raw!r}"]
            lines.append(f"  taken  {candidate.taken!r}")
            for step in candidate.filters:
                lines += [f"  {step.name}: {step.reason}", f"    before {step.before!r}", f"    after  {step.after!r}"]
            lines.append(f"  text   {candidate.text!r}")
        return lines

    def _reranked(self) -> list[str]:
        """Return the first lines that the engine compared by the text after the cursor, the model's own first."""
        rows = self.engine.get("reranked") or ()
        lines = [f"  {row['text']!r}: {row['logprob']:.1f}, then {row['suffix_logprob']:.1f}" for row in rows]
        return ["", "log-probability of each first line, then of the text after the cursor:", *lines] if rows else []

    def _times(self) -> list[str]:
        return ["", "times:", *(f"  {name}: {value:.1f}" for name, value in self.timings_ms.items())]
