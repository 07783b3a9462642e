"""What happened at the cursor between two views of a document.

Only the text near the cursor is compared, so that an edit elsewhere in the document does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.document.window import Window

# How many characters on each side of the cursor must be equal.
NEAR_PREFIX = 2000
NEAR_SUFFIX = 500
# The most characters that are recognised as typed since, and as deleted.
MAX_TYPED = 2000
MAX_DELETED = 32
_CLOSERS = frozenset(")]}>\"'`")
_AUTO_CLOSED = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'", "`": "`"}


@dataclass(frozen=True)
class Change:
    """A change at the cursor.

    Attributes:
        typed: The text that was typed.
        deleted: The text before the cursor that was deleted.
        closed: The closing brackets and quotes that the editor added after the cursor.
    """

    typed: str = ""
    deleted: str = ""
    closed: str = ""


def change_between(old: Window, new: Window) -> Change | None:
    """Return what happened at the cursor between two windows of a document; None if anything else has changed."""
    if old.prefix == new.prefix and _suffixes_agree(old, new.suffix, new.ends_document):
        return Change()
    typed = _appended(old, new)
    if typed is not None:
        closed = _closed_by_editor(typed, old, new)
        return None if closed is None else Change(typed=typed, closed=closed)
    deleted = _appended(new, old)
    if deleted and len(deleted) <= MAX_DELETED and _suffixes_agree(old, new.suffix, new.ends_document):
        return Change(deleted=deleted)
    return None


def _appended(shorter: Window, longer: Window) -> str | None:
    """Return the text before the cursor of ``longer`` that ``shorter`` lacks; None if the rest differs."""
    tail = shorter.prefix[-NEAR_PREFIX:]
    if len(shorter.prefix) <= NEAR_PREFIX and shorter.starts_document:
        fits = longer.starts_document and longer.prefix.startswith(tail)
        return longer.prefix[len(tail) :] if fits else None
    found = longer.prefix.rfind(tail, max(0, len(longer.prefix) - len(tail) - MAX_TYPED))
    return None if found < 0 else longer.prefix[found + len(tail) :]


def _suffixes_agree(old: Window, suffix: str, ends_document: bool) -> bool:
    if len(old.suffix) < NEAR_SUFFIX and old.ends_document:
        return ends_document and old.suffix == suffix
    return old.suffix[:NEAR_SUFFIX] == suffix[:NEAR_SUFFIX]


def _closed_by_editor(typed: str, old: Window, new: Window) -> str | None:
    """Return the brackets that the editor added after the cursor while ``typed`` was typed; None if more changed."""
    if _suffixes_agree(old, new.suffix, new.ends_document):
        return ""
    for size in (1, 2, 3):
        added = new.suffix[:size]
        if _CLOSERS.issuperset(added) and _suffixes_agree(old, new.suffix[size:], new.ends_document):
            closers = [_AUTO_CLOSED[character] for character in typed if character in _AUTO_CLOSED]
            return added if all(closer in closers for closer in added) else None
    return None
