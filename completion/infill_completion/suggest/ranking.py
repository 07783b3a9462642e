"""From what the model wrote to what is offered: filters, duplicates, order and confidence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.languages.syntax import added_errors
from infill_completion.suggest.filters import Place, Step, apply
from infill_completion.suggest.filters.soundness import sound_part
from infill_completion.suggest.policy import empty_reason, is_confident
from infill_completion.suggest.reuse import Offer
from infill_completion.suggest.stream import Choice

_NAME = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True)
class Judged:
    """One candidate and what became of it."""

    choice: Choice
    text: str
    replaced: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Verdict:
    """What is offered, best first, or the reason why nothing is, and how it came about."""

    offers: tuple[Offer, ...]
    reason: SkipReason | None
    candidates: tuple[Judged, ...]


def judge(
    view: View, choices: tuple[Choice, ...], min_confidence: float, knows: Callable[[str], bool] = lambda _: False
) -> Verdict:
    """Filter and order the candidates of one request.

    Equal candidates count once. The likeliest comes first, by its mean log-probability, less where it names what
    neither the text around the cursor nor ``knows`` knows, and where it adds syntax errors; where the engine gives no
    probabilities, its order stays. What the user did not ask for must reach ``min_confidence``.
    """
    judged = tuple(_filtered(view, choice) for choice in choices)
    best: dict[str, Judged] = {}
    for candidate in judged:
        known = best.get(candidate.text)
        if candidate.text and (known is None or _confidence(candidate) > _confidence(known)):
            best[candidate.text] = candidate
    # Nobody needs an order for a single one, and every keystroke waits for it.
    ranked = (
        sorted(best.values(), key=lambda item: _evidence(item, view, knows), reverse=True)
        if len(best) > 1
        else [*best.values()]
    )
    sure = [item for item in ranked if view.is_invoked or is_confident(item.choice.confidence, min_confidence)]
    offers = tuple(Offer(item.text, item.choice.confidence, item.replaced) for item in sure)
    reason = None if offers else empty_reason(choices, passed_filters=bool(ranked))
    return Verdict(offers, reason, judged)


def line_ahead(view: View, choice: Choice, min_confidence: float) -> Offer:
    """Judge a line behind the cursor's own as it will be judged once the user has begun it; empty if it is no good."""
    written = choice.text.lstrip()
    head = choice.text[: len(choice.text) - len(written)]
    verdict = judge(view.after(head, 0), (replace(choice, raw=written, text=written),), min_confidence)
    return Offer(head + verdict.offers[0].text, verdict.offers[0].confidence) if verdict.offers else Offer("")


def _filtered(view: View, choice: Choice) -> Judged:
    ended_line = choice.raw[len(choice.text) :].startswith("\n")
    filtered = apply(choice.text, Place(view.window, view.language_id, choice.finish_reason, ended_line))
    text, steps = filtered.text, filtered.steps
    if text and not view.is_invoked:  # A user who asks may look at what is not in order.
        text = sound_part(view.window, text, filtered.replaced, view.language_id)
        if text != filtered.text:
            steps = (*steps, Step("sound_part", "It would break the syntax of the document.", filtered.text, text))
    return Judged(choice, text, filtered.replaced, steps)


def _confidence(candidate: Judged) -> float:
    return candidate.choice.confidence if candidate.choice.confidence is not None else 0.0


def _evidence(candidate: Judged, view: View, knows: Callable[[str], bool]) -> float:
    """Return the confidence, lowered by a third for syntax errors, and by up to a third for names unknown here."""
    window = view.window
    kept = window.suffix[candidate.replaced :]
    sound = 1.0 if (added_errors(window.prefix, candidate.text, kept, view.language_id) or 0) <= 0 else 2 / 3
    names = set(_NAME.findall(candidate.text))
    around = window.prefix + window.suffix
    unknown = sum(name not in around and not knows(name) for name in names) / len(names) if names else 0.0
    return _confidence(candidate) * sound * (1 - unknown / 3)
