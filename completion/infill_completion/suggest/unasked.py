"""What may be shown to a user who did not ask for it."""

from __future__ import annotations

from dataclasses import replace

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.suggest.reuse import Offer, Recalled, Reuse, carried_on


def refusal(view: View) -> SkipReason | None:
    """Return why the engine is not asked for ``view``, None if it is; a user who asks is never refused."""
    return SkipReason.MID_LINE if not view.is_invoked and _is_inside_word(view) else None


def unasked(
    view: View, recalled: Recalled, shown: tuple[View, tuple[Offer, ...]] | None, min_confidence: float
) -> Recalled | None:
    """Return what of an earlier answer serves ``view``; None if it does not.

    The answer to a user who asked holds several suggestions, longer and less sure than others get. It serves a request
    that nobody asked for only where the user has typed into it, and then with one: one that the user has seen, else one
    that is sure enough. Anywhere else such a request is a question of its own.

    Args:
        view: Where the cursor is now.
        recalled: The answer, brought there.
        shown: What the user saw last in this document, and where.
        min_confidence: What a suggestion must reach that is new to the user.
    """
    if view.is_invoked or not recalled.entry.view.is_invoked:
        return recalled
    seen = carried_on(*shown, view) if shown is not None else ()
    if not any(offer in seen for offer in recalled.offers) and recalled.how in {Reuse.SAME, Reuse.DELETED}:
        return None
    refused = refusal(view)
    fit = [
        offer
        for offer in recalled.offers
        if offer in seen or (refused is None and is_sure(offer.confidence, min_confidence))
    ]
    return replace(recalled, offers=tuple(fit[:1]), reason=None if fit else refused or SkipReason.LOW_CONFIDENCE)


def is_sure(confidence: float | None, min_confidence: float) -> bool:
    """Tell whether a suggestion may be shown unasked; one of an engine that tells no confidence may."""
    return confidence is None or confidence >= min_confidence


def _is_inside_word(view: View) -> bool:
    before, rest = view.window.before[-1:], view.window.rest[:1]
    return (before.isalnum() or before == "_") and (rest.isalnum() or rest == "_")
