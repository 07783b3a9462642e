"""Answers that need no model: what was offered before still fits what the document has become since.

The key of an entry is the document, the text near the cursor on both sides and the versions of the other documents
that were in the prompt; the entries of another model or other settings are forgotten as a whole. Text far from the
cursor may change, so that an edit elsewhere does not empty the memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.document.window import Window

# What must be equal around the cursor; farther text may have been edited since.
NEAR_PREFIX = 2000
NEAR_SUFFIX = 500
# Longest text typed since that is looked for, and the longest deletion.
MOST_TYPED = 2000
MOST_DELETED = 32
MOST_ENTRIES = 256
_CLOSERS = frozenset(")]}>\"'`")
_AUTO_CLOSED = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'", "`": "`"}


class Reuse(Enum):
    """Why an earlier answer still fits."""

    SAME = "asked here before"
    TYPED = "typed through"
    PAIRED = "typed through, and the editor closed a bracket"
    DELETED = "went back"
    AHEAD = "computed ahead"


@dataclass(frozen=True)
class Offer:
    """A suggestion at the cursor of a view, LF line ends; it replaces ``replaced`` characters right of the cursor."""

    text: str
    confidence: float | None = None
    replaced: int = 0


@dataclass(frozen=True)
class Remembered:
    """What came of a request.

    Attributes:
        view: Where it was asked.
        offers: The suggestions, best first.
        reason: Why there are none.
        sources: The versions of the other documents that were in the prompt, by URI.
        ahead: Text behind the line end that the model would write next; shown once the user has begun that line.
    """

    view: View
    offers: tuple[Offer, ...]
    reason: SkipReason | None = None
    sources: tuple[tuple[str, int], ...] = ()
    ahead: Offer = Offer("")


@dataclass(frozen=True)
class Recalled:
    """An entry of the memory, brought to the cursor that was asked for: what it offers there, or why nothing."""

    offers: tuple[Offer, ...]
    reason: SkipReason | None
    how: Reuse
    entry: Remembered


@dataclass(frozen=True)
class Change:
    """What happened at the cursor between two views: text was typed, or deleted, and a bracket closed by the editor."""

    typed: str = ""
    deleted: str = ""
    closed: str = ""


class Memory:
    """The latest answers, bounded; the oldest go first."""

    def __init__(self, most_entries: int = MOST_ENTRIES) -> None:
        self._most = most_entries
        self._entries: OrderedDict[tuple[object, ...], Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget everything, because the model or its settings are others now."""
        self._entries.clear()

    def forget(self, uri: str) -> None:
        """Forget a document."""
        for key in [key for key, entry in self._entries.items() if entry.view.uri == uri]:
            del self._entries[key]

    def remember(self, entry: Remembered) -> None:
        """Keep ``entry``; the oldest entry goes if there are too many."""
        window = entry.view.window
        key = (entry.view.uri, window.prefix[-NEAR_PREFIX:], window.suffix[:NEAR_SUFFIX], entry.view.is_invoked)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def recall(
        self,
        view: View,
        versions: Mapping[str, int],
        serving: Callable[[Recalled], Recalled | None] = lambda found: found,
    ) -> Recalled | None:
        """Return the newest entry that fits ``view``, or None.

        Args:
            view: Where the cursor is now.
            versions: The other documents' versions now, by URI.
            serving: Returns what of a fitting entry may serve ``view``, or None.
        """
        for entry in reversed(self._entries.values()):
            if entry.view.uri != view.uri or (view.is_invoked and not entry.view.is_invoked):
                continue
            if any(versions.get(uri) != version for uri, version in entry.sources):
                continue
            change = change_between(entry.view.window, view.window)
            recalled = None if change is None else _brought(entry, change)
            if recalled is not None and (served := serving(recalled)) is not None:
                return served
        return None


def change_between(old: Window, new: Window) -> Change | None:
    """Return what happened at the cursor between two windows of a document; None if they do not fit together."""
    if old.prefix == new.prefix and _suffixes_agree(old, new.suffix, new.ends_document):
        return Change()
    typed = _appended(old, new)
    if typed is not None:
        closed = _closed_pair(typed, old, new)
        return None if closed is None else Change(typed=typed, closed=closed)
    deleted = _appended(new, old)
    if deleted and len(deleted) <= MOST_DELETED and _suffixes_agree(old, new.suffix, new.ends_document):
        return Change(deleted=deleted)
    return None


def carried_on(old: View, offers: tuple[Offer, ...], view: View) -> tuple[Offer, ...]:
    """Return what is left of ``offers``, shown at ``old``, once the user has typed or deleted to get to ``view``."""
    change = change_between(old.window, view.window) if old.uri == view.uri else None
    recalled = None if change is None or change == Change() else _brought(Remembered(old, offers), change)
    return () if recalled is None else recalled.offers


def _appended(shorter: Window, longer: Window) -> str | None:
    """Return the text that ``longer`` has before its cursor and ``shorter`` has not; None if they disagree."""
    tail = shorter.prefix[-NEAR_PREFIX:]
    if len(shorter.prefix) <= NEAR_PREFIX and shorter.starts_document:
        fits = longer.starts_document and longer.prefix.startswith(tail)
        return longer.prefix[len(tail) :] if fits else None
    place = longer.prefix.rfind(tail, max(0, len(longer.prefix) - len(tail) - MOST_TYPED))
    return None if place < 0 else longer.prefix[place + len(tail) :]


def _suffixes_agree(old: Window, suffix: str, ends_document: bool) -> bool:
    if len(old.suffix) < NEAR_SUFFIX and old.ends_document:
        return ends_document and old.suffix == suffix
    return old.suffix[:NEAR_SUFFIX] == suffix[:NEAR_SUFFIX]


def _closed_pair(typed: str, old: Window, new: Window) -> str | None:
    """Return the brackets that the editor added behind the cursor while ``typed`` was typed; None if more changed."""
    if _suffixes_agree(old, new.suffix, new.ends_document):
        return ""
    for size in (1, 2, 3):
        added = new.suffix[:size]
        if _CLOSERS.issuperset(added) and _suffixes_agree(old, new.suffix[size:], new.ends_document):
            openers = [_AUTO_CLOSED[character] for character in typed if character in _AUTO_CLOSED]
            return added if all(closer in openers for closer in added) else None
    return None


def _brought(entry: Remembered, change: Change) -> Recalled | None:
    """Bring an entry to where the cursor is after ``change``; None if its text does not fit any more."""
    if change == Change():
        return Recalled(entry.offers, entry.reason, Reuse.SAME, entry)
    if change.deleted:
        if not all(character.isalnum() or character == "_" for character in change.deleted):
            return None
        offers = tuple(Offer(change.deleted + offer.text, offer.confidence, offer.replaced) for offer in entry.offers)
        return Recalled(offers, None, Reuse.DELETED, entry) if offers else None
    left = tuple(found for offer in entry.offers if (found := _after_typing(offer, change)) is not None)
    if left:
        return Recalled(left, None, Reuse.PAIRED if change.closed else Reuse.TYPED, entry)
    if change.typed.startswith("\n") and not change.closed:
        following = _after_typing(entry.ahead, change)
        return None if following is None else Recalled((following,), None, Reuse.AHEAD, entry)
    return None


def _after_typing(offer: Offer, change: Change) -> Offer | None:
    if not offer.text.startswith(change.typed) or not offer.text[len(change.typed) :].strip():
        return None
    left = offer.text[len(change.typed) :]
    if not change.closed:
        return Offer(left, offer.confidence, offer.replaced)
    # The editor has written the closing bracket: the suggestion's own takes its place.
    if left == change.closed:
        return None
    if change.closed not in left:
        return Offer(left, offer.confidence)
    if left.endswith(change.closed):
        return Offer(left.removesuffix(change.closed), offer.confidence)
    return Offer(left, offer.confidence, len(change.closed) + offer.replaced)
