"""Requests that are answered without looking further, because there must be no suggestion."""

from __future__ import annotations

from infill_completion.document.snapshot import SkipReason, Snapshot, Trigger
from infill_completion.privacy.ignore_files import Rule
from infill_completion.settings import Settings

# A NUL this far into a document means that it is not text.
_PROBED = 8192


def skip_reason(snapshot: Snapshot, settings: Settings, rule: Rule | None) -> SkipReason | None:
    """Return why ``snapshot`` gets no suggestion, None if it may get one; ``rule`` keeps its file private."""
    completion = settings.completion
    if not completion.enabled and snapshot.trigger is not Trigger.INVOKED:
        return SkipReason.SWITCHED_OFF
    if not completion.speaks(snapshot.language_id):
        return SkipReason.LANGUAGE_OFF
    if rule is not None:
        return SkipReason.PRIVATE_FILE
    if "\0" in snapshot.text[:_PROBED]:
        return SkipReason.BINARY_FILE
    return None
