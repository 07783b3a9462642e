"""Answers that need no model, because an earlier one still fits what the document has become.

An entry is found by its document, by the text near the cursor on both sides and by the versions of the other documents
in its prompt. When the model or its settings change, all entries are forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.suggest.reuse.change import NEAR_PREFIX, NEAR_SUFFIX, Change, change_between

MAX_ENTRIES = 256
# An entry is compared in full only if so many characters before its cursor are where they must be.
_TAIL = 40


class Reuse(Enum):
    """Why an earlier answer still fits."""

    SAME = "asked here before"
    TYPED = "typed through"
    PAIRED = "typed through, and the editor closed a bracket"
    AHEAD = "computed ahead"


@dataclass(frozen=True)
class Offer:
    """A suggestion at the cursor of a view.

    Attributes:
        text: What to insert, with LF line ends.
        confidence: The model's confidence, if known.
        replaced: How many characters right of the cursor it replaces.
    """

    text: str
    confidence: float | None = None
    replaced: int = 0


@dataclass(frozen=True)
class Remembered:
    """The result of a request.

    Attributes:
        view: The cursor that it was made for.
        offers: The suggestions, best first.
        reason: Why there are none.
        sources: The versions of the other documents in the prompt, by URI.
        ahead: The line after the cursor's own as the model would write it; shown once the user has begun that line.
        tail: The last characters before the cursor.
    """

    view: View
    offers: tuple[Offer, ...]
    reason: SkipReason | None = None
    sources: tuple[tuple[str, int], ...] = ()
    ahead: Offer = Offer("")
    tail: str = field(init=False)

    def __post_init__(self) -> None:
        """Store the tail, which is compared at every key."""
        object.__setattr__(self, "tail", self.view.window.prefix[-_TAIL:])


@dataclass(frozen=True)
class Recalled:
    """An entry of the memory, rebased on what has been typed since.

    Attributes:
        offers: The suggestions at the cursor now, best first.
        reason: Why there are none.
        how: Why the entry still fits.
        entry: The entry.
    """

    offers: tuple[Offer, ...]
    reason: SkipReason | None
    how: Reuse
    entry: Remembered


class Memory:
    """The latest answers; beyond ``most_entries`` the oldest is forgotten."""

    def __init__(self, most_entries: int = MAX_ENTRIES) -> None:
        self._most = most_entries
        self._entries: OrderedDict[tuple[object, ...], Remembered] = OrderedDict()
        self._longest = 0  # of all texts that were ever remembered

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget everything, because the model or its settings have changed."""
        self._entries.clear()

    def forget(self, uri: str) -> None:
        """Forget a document."""
        for key in [key for key, entry in self._entries.items() if entry.view.uri == uri]:
            del self._entries[key]

    def remember(self, entry: Remembered) -> None:
        """Store ``entry`` as the newest."""
        window = entry.view.window
        key = (entry.view.uri, window.prefix[-NEAR_PREFIX:], window.suffix[:NEAR_SUFFIX], entry.view.is_invoked)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        self._longest = max(self._longest, *(len(text) for text in _texts(entry)))
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def recall(
        self,
        view: View,
        versions: Mapping[str, int],
        permit: Callable[[Recalled], Recalled | None] = lambda recalled: recalled,
        seen: Collection[Offer] = (),
    ) -> Recalled | None:
        """Return the entry that fits ``view`` best, or None.

        What the user sees at the cursor comes first, so that it stays. Then comes what was asked for at this very
        place, and last what was asked for before the user typed; of several the newest.

        Args:
            view: The cursor now.
            versions: The other documents' versions now, by URI.
            permit: Returns the part of a fitting entry that may be shown, or None.
            seen: What is left of the suggestions that the user saw last.
        """
        fitting = sorted(self._fitting(view, versions), key=lambda recalled: _distance(recalled, seen))
        permitted = (permit(recalled) for recalled in fitting)
        return next((recalled for recalled in permitted if recalled is not None), None)

    def _fitting(self, view: View, versions: Mapping[str, int]) -> Iterator[Recalled]:
        """Yield the entries that fit ``view``, newest first."""
        near = view.window.prefix[-(_TAIL + self._longest) :]
        for entry in [entry for entry in reversed(self._entries.values()) if entry.tail in near]:
            if not _may_continue(entry, near):
                continue
            if entry.view.uri != view.uri or (view.is_invoked and not entry.view.is_invoked):
                continue
            if any(versions.get(uri) != version for uri, version in entry.sources):
                continue
            change = change_between(entry.view.window, view.window)
            recalled = None if change is None else _rebased(entry, change)
            if recalled is not None:
                yield recalled


def remaining_offers(old: View, offers: tuple[Offer, ...], view: View) -> tuple[Offer, ...]:
    """Return what is left of ``offers``, shown at ``old``, after the user has typed or deleted to get to ``view``.

    What was invoked at ``view`` itself does not count: an automatic request there is answered on its own.
    """
    change = change_between(old.window, view.window) if old.uri == view.uri else None
    if change is None or (change == Change() and old.is_invoked):
        return ()
    if change.deleted:
        return tuple(replace(offer, text=change.deleted + offer.text) for offer in offers)
    recalled = _rebased(Remembered(old, offers), change)
    return () if recalled is None else recalled.offers


def _texts(entry: Remembered) -> tuple[str, ...]:
    return (entry.ahead.text, *(offer.text for offer in entry.offers))


def _may_continue(entry: Remembered, near: str) -> bool:
    """Return whether ``near``, the text before the cursor now, ends with the entry's tail and part of one of its texts.

    No other entry fits. This is much cheaper than a comparison of the windows, and few entries are left after it.
    """
    at = near.find(entry.tail)
    while at >= 0:
        typed = near[at + len(entry.tail) :]
        if not typed or any(text.startswith(typed) for text in _texts(entry)):
            return True
        at = near.find(entry.tail, at + 1)
    return False


def _distance(recalled: Recalled, seen: Collection[Offer]) -> int:
    """Return 0 for what the user sees, 1 for what was asked for at this place, 2 for what was asked for before."""
    if recalled.offers and recalled.offers[0] in seen:
        return 0
    return 1 if recalled.how is Reuse.SAME else 2


def _rebased(entry: Remembered, change: Change) -> Recalled | None:
    """Move an entry to where the cursor is after ``change``; None if its text no longer fits."""
    if change == Change():
        return Recalled(entry.offers, entry.reason, Reuse.SAME, entry)
    if change.deleted:
        return None  # What the user has deleted is not wanted; the engine may have something else for this place.
    left = tuple(found for offer in entry.offers if (found := _after_typing(offer, change)) is not None)
    if left:
        return Recalled(left, None, Reuse.PAIRED if change.closed else Reuse.TYPED, entry)
    if change.typed.startswith("\n") and not change.closed:
        following = _after_typing(entry.ahead, change)
        return None if following is None else Recalled((following,), None, Reuse.AHEAD, entry)
    return None


def _after_typing(offer: Offer, change: Change) -> Offer | None:
    """Return the rest of ``offer`` that has not been typed yet; None if nothing is left or something else was typed."""
    left = offer.text[len(change.typed) :]
    if not offer.text.startswith(change.typed) or not left.strip():
        return None
    if not change.closed:
        return Offer(left, offer.confidence, offer.replaced)
    # The editor has written the closing bracket; the suggestion's own one replaces it.
    if left == change.closed:
        return None
    if change.closed not in left:
        return Offer(left, offer.confidence)
    if left.endswith(change.closed):
        return Offer(left.removesuffix(change.closed), offer.confidence)
    return Offer(left, offer.confidence, len(change.closed) + offer.replaced)
