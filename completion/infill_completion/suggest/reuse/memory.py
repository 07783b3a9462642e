"""Answers that need no model, because an earlier one still fits what the document has become.

An entry is found by its document and by the text near the cursor on both sides. The other documents in its prompt must
have the same versions, or the same excerpts. When the model or its settings change, all entries are forgotten.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from infill_completion.api import ContextItem
from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.suggest.reuse.change import MAX_TYPED, NEAR_PREFIX, NEAR_SUFFIX, Change, change_between
from infill_completion.suggest.reuse.foresight import Foresight
from infill_completion.suggest.showing.judge import ShowEstimate

MAX_ENTRIES = 256
# An entry is looked up by so many characters before its cursor, and compared in full if they are where they must be.
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
        estimate: What the show-model thought of it when it was made; None if it did not judge it.
    """

    text: str
    confidence: float | None = None
    replaced: int = 0
    estimate: ShowEstimate | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Remembered:
    """The result of a request.

    Attributes:
        view: The cursor that it was made for.
        offers: The suggestions, best first.
        reason: Why there are none.
        sources: The versions of the other documents in the prompt, by URI.
        context: The excerpts in the prompt.
        uris: The other files that the suggestions come from, open or not.
        ahead: The line after the cursor's own as the model would write it; shown once the user has begun that line.
        foresight: How likely the model thinks each character is to come next, here and along its answer.
        unsure: What is not worth showing while the user types.
    """

    view: View
    offers: tuple[Offer, ...]
    reason: SkipReason | None = None
    sources: tuple[tuple[str, int], ...] = ()
    context: tuple[ContextItem, ...] = field(default=(), compare=False)
    uris: tuple[str, ...] = ()
    ahead: Offer = Offer("")
    foresight: Foresight = field(default_factory=Foresight, compare=False)
    unsure: Offer | None = None


@dataclass(frozen=True)
class Recalled:
    """An entry of the memory, rebased on what has been typed since.

    Attributes:
        offers: The suggestions at the cursor now, best first.
        reason: Why there are none.
        how: Why the entry still fits.
        entry: The entry.
        typed: What the user has typed since.
    """

    offers: tuple[Offer, ...]
    reason: SkipReason | None
    how: Reuse
    entry: Remembered
    typed: str = ""


class RecallSlot:
    """A place of the memory, and the entry there.

    Attributes:
        key: What the entry is replaced by: one for the same place in the same text.
        view: The cursor that it was made for.
        longest: No text of it is longer.
        tail: The last characters before that cursor.
    """

    def __init__(self, key: tuple[object, ...], view: View, longest: int, make: Callable[[], Remembered]) -> None:
        self.key = key
        self.view = view
        self.longest = min(longest, MAX_TYPED)
        self.tail = view.window.prefix[-_TAIL:]
        self._make = make

    @cached_property
    def entry(self) -> Remembered:
        """The entry."""
        return self._make()


class RecallIndex:
    """The slots of one document by the text before their cursors."""

    def __init__(self) -> None:
        self._by_tail: dict[str, dict[RecallSlot, None]] = {}
        self._lengths: Counter[int] = Counter()
        self._order: dict[RecallSlot, int] = {}
        self._added = 0

    def __iter__(self) -> Iterator[RecallSlot]:
        return iter(list(self._order))

    def add(self, slot: RecallSlot) -> None:
        """Add a slot as the newest."""
        self._by_tail.setdefault(slot.tail, {})[slot] = None
        self._lengths[slot.longest] += 1
        self._added += 1
        self._order[slot] = self._added

    def remove(self, slot: RecallSlot) -> int:
        """Remove a slot, and return how many are left."""
        slots = self._by_tail[slot.tail]
        del slots[slot], self._order[slot]
        if not slots:
            del self._by_tail[slot.tail]
        self._lengths[slot.longest] -= 1
        if not self._lengths[slot.longest]:
            del self._lengths[slot.longest]
        return len(self._order)

    def before(self, prefix: str) -> list[RecallSlot]:
        """Return the slots whose cursor is in ``prefix``, no farther from its end than their text is long."""
        found: list[RecallSlot] = []
        size = len(prefix)
        for typed in range(min(max(self._lengths), size) + 1):
            slots = self._by_tail.get(prefix[max(size - typed - _TAIL, 0) : size - typed])
            if slots is not None:
                found += [slot for slot in slots if slot.longest >= typed]
        return sorted(found, key=self._order.__getitem__, reverse=True)


class Memory:
    """The latest answers; beyond ``most_entries`` the oldest is forgotten.

    An entry is looked up by the text before its cursor, so that a key costs the same with one entry and with hundreds.
    """

    def __init__(self, most_entries: int = MAX_ENTRIES) -> None:
        self._most = most_entries
        self._slots: OrderedDict[tuple[object, ...], RecallSlot] = OrderedDict()
        self._documents: dict[str, RecallIndex] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def clear(self) -> None:
        """Forget everything, because the model or its settings have changed."""
        self._slots.clear()
        self._documents.clear()

    def forget(self, uri: str) -> None:
        """Forget a document."""
        places = self._documents.pop(uri, None)
        for slot in places or ():
            del self._slots[slot.key]

    def remember(self, entry: Remembered) -> None:
        """Store ``entry`` as the newest."""
        longest = max(len(text) for text in (entry.ahead.text, *(offer.text for offer in entry.offers)))
        self.remember_later(entry.view, longest, lambda: entry)

    def remember_later(self, view: View, longest: int, make: Callable[[], Remembered]) -> None:
        """Store as the newest what ``make`` returns; it is called when the entry is first needed.

        Args:
            view: The cursor that the entry was made for.
            longest: No text of the entry is longer.
            make: Returns the entry.
        """
        window = view.window
        key = (view.uri, window.prefix[-NEAR_PREFIX:], window.suffix[:NEAR_SUFFIX], view.is_invoked)
        self._drop(key)
        slot = self._slots[key] = RecallSlot(key, view, longest, make)
        self._documents.setdefault(view.uri, RecallIndex()).add(slot)
        while len(self._slots) > self._most:
            self._drop(next(iter(self._slots)))

    def recall(
        self,
        view: View,
        is_valid: Callable[[Remembered], bool] = lambda entry: True,
        permit: Callable[[Recalled], Recalled | None] = lambda recalled: recalled,
        seen: Collection[Offer] = (),
    ) -> Recalled | None:
        """Return the entry that fits ``view`` best, or None.

        What the user sees at the cursor comes first, so that it stays; then what was asked for at this very place,
        and last what was asked for before the user typed; of several the newest.

        Args:
            view: The cursor now.
            is_valid: Returns whether the other documents in an entry's prompt are as they were then.
            permit: Returns the part of a fitting entry that may be shown, or None.
            seen: What is left of the suggestions that the user saw last.
        """
        fitting = sorted(self._fitting(view, is_valid), key=lambda recalled: _distance(recalled, seen))
        permitted = (permit(recalled) for recalled in fitting)
        return next((recalled for recalled in permitted if recalled is not None), None)

    def _drop(self, key: tuple[object, ...]) -> None:
        slot = self._slots.pop(key, None)
        if slot is not None and self._documents[slot.view.uri].remove(slot) == 0:
            del self._documents[slot.view.uri]

    def _fitting(self, view: View, is_valid: Callable[[Remembered], bool]) -> Iterator[Recalled]:
        """Yield the entries that fit ``view``, newest first."""
        places = self._documents.get(view.uri)
        for slot in places.before(view.window.prefix) if places is not None else ():
            if view.is_invoked and not slot.view.is_invoked:
                continue
            change = change_between(slot.view.window, view.window)
            if change is None:
                continue
            if (recalled := _rebased(slot.entry, change)) is not None and is_valid(slot.entry):
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


def _distance(recalled: Recalled, seen: Collection[Offer]) -> int:
    """Return 0 for what the user sees, as it is or grown, 1 for what was asked for here, 2 for what was before."""
    for offer in seen if recalled.offers else ():
        if recalled.offers[0] == offer or recalled.offers[0].text.startswith(offer.text + "\n"):
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
        return Recalled(left, None, Reuse.PAIRED if change.closed else Reuse.TYPED, entry, change.typed)
    if change.typed.startswith("\n") and not change.closed:
        following = _after_typing(entry.ahead, change)
        return None if following is None else Recalled((following,), None, Reuse.AHEAD, entry, change.typed)
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
