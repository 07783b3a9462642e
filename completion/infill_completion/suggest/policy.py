"""Decides when no suggestion is shown, and names the reason.

A request passes the rules in this order: `skip_reason` before the text is looked at, `shown_automatically` for an
earlier answer, `refusal` before the engine is asked, and `literal_refusal` in both cases; `engine_failure` if the
engine does not answer, and `is_confident` and `empty_reason` for what the engine has answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from infill_completion.api import EngineUnavailableError, FinishReason
from infill_completion.document.files import is_binary
from infill_completion.document.snapshot import Answer, SkipReason, Snapshot, Trigger
from infill_completion.document.view import View
from infill_completion.languages.syntax import LiteralKind, literal_kind
from infill_completion.privacy.ignore_files import Rule
from infill_completion.settings import CompletionSettings, Settings
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.filters.loops import ends_in_loop
from infill_completion.suggest.preamble import is_reasoning
from infill_completion.suggest.reuse.memory import Offer, Recalled, Reuse


def skip_reason(snapshot: Snapshot, settings: Settings, rule: Rule | None) -> SkipReason | None:
    """Return why ``snapshot`` gets no suggestion, or None if it may get one.

    Args:
        snapshot: The document and its cursor.
        settings: The user's settings.
        rule: The ignore rule that makes the file private, if any.
    """
    completion = settings.completion
    if not completion.enabled and snapshot.trigger is not Trigger.INVOKED:
        return SkipReason.SWITCHED_OFF
    if not completion.is_language_enabled(snapshot.language_id):
        return SkipReason.LANGUAGE_OFF
    if rule is not None:
        return SkipReason.PRIVATE_FILE
    if is_binary(snapshot.text):
        return SkipReason.BINARY_FILE
    return None


def privacy_message(rule: Rule) -> str:
    """Return the sentence that tells the user which rule keeps a file private."""
    if rule.problem:
        return f"{rule.problem} Until then the text of this file never reaches the model."
    return f"This file matches {rule}, so its text never reaches the model."


def private_answer(rule: Rule) -> Answer:
    """Return the answer for a private file."""
    return Answer(reason=SkipReason.PRIVATE_FILE, details={"message": privacy_message(rule)})


def refusal(view: View) -> SkipReason | None:
    """Return why the engine is not asked for ``view``, or None if it is; an invoked request is never refused."""
    return SkipReason.MID_LINE if not view.is_invoked and _is_inside_word(view) else None


def literal_refusal(view: View, completion: CompletionSettings, how: Reuse | None) -> SkipReason | None:
    """Return why nothing is shown in the comment or string around the cursor, or None if something may be.

    What the user has begun to type of a suggestion stays, also where it goes on in a string.

    Args:
        view: The cursor.
        completion: The user's settings.
        how: Why an earlier answer fits; None if none does.
    """
    if view.is_invoked or (completion.in_comments and completion.in_strings) or how in {Reuse.TYPED, Reuse.PAIRED}:
        return None
    kind = literal_kind(view.window, view.language_id)
    if kind is LiteralKind.COMMENT and not completion.in_comments:
        return SkipReason.IN_COMMENT
    return SkipReason.IN_STRING if kind is LiteralKind.STRING and not completion.in_strings else None


def is_confident(confidence: float | None, min_confidence: float) -> bool:
    """Return whether a suggestion may be shown automatically; without a confidence from the engine it may."""
    return confidence is None or confidence >= min_confidence


def shown_automatically(
    view: View, recalled: Recalled, seen: tuple[Offer, ...], min_confidence: float
) -> Recalled | None:
    """Return the part of an earlier answer that may be shown at ``view``, or None if the engine must be asked.

    An invoked request gets several suggestions, longer and less certain than an automatic one. Its answer serves an
    automatic request only if the user has typed into it, and then with one suggestion: one that the user has seen, or
    else one that reaches ``min_confidence``. In all other cases the automatic request is answered on its own.

    Args:
        view: The cursor now.
        recalled: The earlier answer, moved to that cursor.
        seen: What is left of the suggestions that the user saw last in this document.
        min_confidence: The minimum confidence of a suggestion that the user has not seen yet.
    """
    if view.is_invoked or not recalled.entry.view.is_invoked:
        return recalled
    if not any(offer in seen for offer in recalled.offers) and recalled.how is Reuse.SAME:
        return None
    refused = refusal(view)
    fit = [
        offer
        for offer in recalled.offers
        if offer in seen or (refused is None and is_confident(offer.confidence, min_confidence))
    ]
    return replace(recalled, offers=tuple(fit[:1]), reason=None if fit else refused or SkipReason.LOW_CONFIDENCE)


def engine_failure(error: EngineUnavailableError) -> SkipReason:
    """Return the reason for an engine that does not answer: it is still loading, or it has failed."""
    return SkipReason.ENGINE_LOADING if error.state.is_loading else SkipReason.ENGINE_FAILED


def empty_reason(choices: Iterable[Choice], *, passed_filters: bool) -> SkipReason:
    """Return why nothing of the model's ``choices`` is shown.

    Args:
        choices: All candidates of the request.
        passed_filters: Whether any text passed the filters, so that only its confidence was too low.
    """
    choices = tuple(choices)
    if passed_filters:
        return SkipReason.LOW_CONFIDENCE
    if any(not choice.text and is_reasoning(choice.raw) for choice in choices):
        return SkipReason.REASONING
    if any(choice.text.strip() or ends_in_loop(choice.raw) for choice in choices):
        return SkipReason.FILTERED
    if any(choice.is_below for choice in choices):
        return SkipReason.NEXT_LINE
    if any(_used_all_tokens(choice) for choice in choices):
        return SkipReason.CUT_SHORT
    is_late = any(choice.finish_reason in {FinishReason.DEADLINE, FinishReason.CANCELLED} for choice in choices)
    return SkipReason.TOO_SLOW if is_late else SkipReason.EMPTY


def _is_inside_word(view: View) -> bool:
    before, rest = view.window.before[-1:], view.window.rest[:1]
    return (before.isalnum() or before == "_") and (rest.isalnum() or rest == "_")


def _used_all_tokens(choice: Choice) -> bool:
    """Return whether the model wrote all its tokens without reaching a good boundary."""
    return choice.finish_reason is FinishReason.LENGTH and bool(choice.raw.strip())
