"""Whether there is a secret in a change, which its own lines may not tell: those from the middle of a private key."""

from __future__ import annotations

from infill_completion.document.lines import split_lines
from infill_completion.edits.history import Hunk
from infill_completion.privacy.masking import mask_secrets


def has_secret(hunk: Hunk, text: str | None = None) -> bool:
    """Return whether there is a secret in the lines of a change, before or after it.

    Args:
        hunk: The change.
        text: Its document, whose other lines may reveal it; not read where the change is not in it any more.
    """
    before, after = "".join(hunk.before), "".join(hunk.after)
    if mask_secrets(before).kinds or mask_secrets(after).kinds:
        return True
    if text is None or not stands_in(hunk, lines := split_lines(text)):
        return False
    above, below = "".join(lines[: hunk.first]), "".join(lines[hunk.end :])
    return any(is_masked(above + part + below, len(above), len(above) + len(part)) for part in (before, after))


def stands_in(hunk: Hunk, lines: list[str]) -> bool:
    """Return whether lines of a document are what a change has made of them."""
    return tuple(lines[hunk.first : hunk.end]) == hunk.after


def is_masked(text: str, start: int, end: int) -> bool:
    """Return whether there is a secret in ``text[start:end]``."""
    return bool(mask_secrets(text, start, end).kinds)
