"""From the model's candidates to what is offered: filters, duplicates, order and confidence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.languages.syntax import added_errors
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.filters import FilterContext, FilterStep, apply
from infill_completion.suggest.filters.soundness import sound_part
from infill_completion.suggest.policy import empty_reason, is_confident
from infill_completion.suggest.reuse.memory import Offer
from infill_completion.suggest.showing.judge import ShowEstimate, ShowJudge

_NAME = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True)
class RankedCandidate:
    """One candidate after the filters.

    Attributes:
        choice: What the model wrote.
        text: What the filters left of it.
        replaced: How many characters right of the cursor it replaces.
        steps: The filters that changed it.
        estimate: What the show-model thinks of it; None if it does not judge it.
    """

    choice: Choice
    text: str
    replaced: int
    steps: tuple[FilterStep, ...]
    estimate: ShowEstimate | None = None

    @property
    def confidence(self) -> float:
        """The model's confidence; 0 if the engine reports none."""
        return self.choice.confidence if self.choice.confidence is not None else 0.0


@dataclass(frozen=True)
class Ranking:
    """The result of one request.

    Attributes:
        offers: What is offered, best first.
        reason: Why nothing is offered, else None.
        candidates: All candidates in the engine's order.
        unsure: What is not worth showing while the user types.
    """

    offers: tuple[Offer, ...]
    reason: SkipReason | None
    candidates: tuple[RankedCandidate, ...]
    unsure: Offer | None = None


def rank(
    view: View,
    choices: tuple[Choice, ...],
    min_confidence: float,
    knows: Callable[[str], bool] = lambda _: False,
    judge: ShowJudge | None = None,
) -> Ranking:
    """Filter and order the candidates of one request.

    Of equal candidates only one is kept. The likeliest comes first, by its mean log-probability. Syntax errors that it
    adds lower its rank, and so do names found neither near the cursor nor in the workspace. Without probabilities the
    engine's order is kept. Automatic suggestions must reach ``min_confidence`` and be worth showing.

    Args:
        view: The cursor.
        choices: What the model wrote.
        min_confidence: The minimum confidence of an automatic suggestion.
        knows: Returns whether a name occurs in another open document or in the workspace.
        judge: Decides whether an automatic suggestion is worth showing; None: all are.
    """
    candidates = tuple(_estimated(_filtered(view, choice), view, judge) for choice in choices)
    best = _without_duplicates(candidates)
    # A single candidate needs no order, and every keystroke would wait for it.
    if len(best) > 1:
        best.sort(key=lambda candidate: _score(candidate, view, knows), reverse=True)
    fit = [item for item in best if view.is_invoked or _is_shown(item, min_confidence, judge)]
    offers = tuple(map(_offer, fit))
    reason = None if offers else empty_reason(choices, passed_filters=bool(best))
    sure = [item for item in best if not offers and is_confident(item.choice.confidence, min_confidence)]
    return Ranking(offers, reason, candidates, _offer(sure[0]) if sure else None)


def rank_next_line(view: View, choice: Choice, min_confidence: float) -> Offer:
    """Filter the line after the cursor's own as it will be filtered once the user has begun it.

    Returns:
        The line with the line end and indentation before it; an empty offer if nothing of it is left.
    """
    written = choice.text.lstrip()
    head = choice.text[: len(choice.text) - len(written)]
    ranking = rank(view.after(head, 0), (replace(choice, raw=written, text=written),), min_confidence)
    return Offer(head + ranking.offers[0].text, ranking.offers[0].confidence) if ranking.offers else Offer("")


def _offer(candidate: RankedCandidate) -> Offer:
    return Offer(candidate.text, candidate.choice.confidence, candidate.replaced, candidate.estimate)


def _is_shown(candidate: RankedCandidate, min_confidence: float, judge: ShowJudge | None) -> bool:
    """Return whether a candidate is shown unasked."""
    is_worth_it = judge is None or judge.admits(candidate.estimate)
    return is_worth_it and is_confident(candidate.choice.confidence, min_confidence)


def _estimated(candidate: RankedCandidate, view: View, judge: ShowJudge | None) -> RankedCandidate:
    """Return a candidate with what the show-model thinks of it, unless the user asked for it."""
    if judge is None or view.is_invoked or not candidate.text:
        return candidate
    return replace(candidate, estimate=judge.estimate(view, candidate.text, candidate.choice.confidence))


def _filtered(view: View, choice: Choice) -> RankedCandidate:
    ended_line = choice.raw[len(choice.text) :].startswith("\n")
    context = FilterContext(view.window, view.language_id, choice.finish_reason, ended_line)
    filtered = apply(choice.text, context)
    text, steps = filtered.text, filtered.steps
    if text:
        text = sound_part(view.window, text, filtered.replaced, view.language_id, is_invoked=view.is_invoked)
        if text != filtered.text:
            reason = "It would break the syntax of the document."
            steps = (*steps, FilterStep("sound_part", reason, filtered.text, text))
    return RankedCandidate(choice, text, filtered.replaced, steps)


def _without_duplicates(candidates: tuple[RankedCandidate, ...]) -> list[RankedCandidate]:
    """Return the candidates that have text, of equal ones the likeliest in the place of the first."""
    best: dict[str, RankedCandidate] = {}
    for candidate in candidates:
        known = best.get(candidate.text)
        if candidate.text and (known is None or candidate.confidence > known.confidence):
            best[candidate.text] = candidate
    return list(best.values())


def _score(candidate: RankedCandidate, view: View, knows: Callable[[str], bool]) -> float:
    """Return the confidence, lowered by a third for syntax errors and by up to a third for unknown names."""
    window = view.window
    is_sound = (added_errors(window, candidate.text, candidate.replaced, view.language_id) or 0) <= 0
    names = set(_NAME.findall(candidate.text))
    around = window.prefix + window.suffix
    unknown = sum(name not in around and not knows(name) for name in names) / len(names) if names else 0.0
    return candidate.confidence * (1.0 if is_sound else 2 / 3) * (1 - unknown / 3)
