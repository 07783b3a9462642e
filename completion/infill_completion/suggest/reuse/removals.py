"""What the user has just deleted, so that it is not offered again at once.

Deleting an accepted suggestion refuses it, whether by backspace, by a selection or by undo, and deleting a whole word
asks for another one. A correction inside a word does not refuse it, nor does going back while typing a suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from infill_completion.document.view import View
from infill_completion.document.window import Window
from infill_completion.suggest.reuse.change import Change, change_between
from infill_completion.suggest.reuse.memory import Offer

# How many characters before the cursor are known to be typed or accepted.
_MAX_WRITTEN = 2000
# Fewer equal characters are a coincidence: many suggestions begin with the same bracket or letter.
_MIN_EQUAL_LETTERS = 3
_LETTER = re.compile(r"\w")
_TYPED, _ACCEPTED = "t", "a"


@dataclass
class _Place:
    """The last cursor of a document, and what has happened there.

    Attributes:
        view: The cursor.
        written: For each character written directly before the cursor, whether it was typed or accepted.
        removed: The text that was deleted there just now.
        was_accepted: Whether part of it is from an accepted suggestion.
        known: The suggestions that the user could see there before.
        origin: Where the last suggestion was accepted, and its text.
    """

    view: View
    written: str = ""
    removed: str = ""
    was_accepted: bool = False
    known: Collection[Offer] = ()
    origin: tuple[View, str] | None = None


class Removals:
    """Follows the cursor of each document from one request to the next."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._places.pop(uri, None)

    def visit(self, view: View, shown: Collection[Offer], known: Callable[[], Collection[Offer]]) -> None:
        """Record that the user is at ``view`` now.

        Args:
            view: The cursor.
            shown: What the user saw at the former cursor; all of it at once is an accepted suggestion.
            known: Returns the earlier suggestions that fit ``view``.
        """
        if view.selected is not None:
            return  # The popup's text is not written yet.
        place = self._places.get(view.uri)
        if place is None:
            self._places[view.uri] = _Place(view)
            return
        change = change_between(place.view.window, view.window)
        if change == Change():
            return
        if place.origin is not None and _is_same(place.origin[0], view):  # by undo
            self._places[view.uri] = _Place(view, removed=place.origin[1], was_accepted=True, origin=place.origin)
        elif change is not None and change.typed:
            is_accepted = len(change.typed) > 1 and any(offer.text == change.typed for offer in shown)
            self._write(place, view, change.typed, _ACCEPTED if is_accepted else _TYPED)
        elif removed := _removed_between(place.view.window, view.window):
            self._remove(place, view, removed, known())
        else:
            self._places[view.uri] = _Place(view)

    def accept(self, view: View, offer: Offer) -> None:
        """Record that ``offer``, shown at ``view``, was accepted."""
        after = view.after(offer.text, offer.replaced)
        place = self._places.get(view.uri, _Place(view))
        if _is_same(place.view, after):  # The editor asks for what follows before it reports the acceptance.
            place.written = place.written[: -len(offer.text)]
        place.origin = view, offer.text
        self._write(place, after, offer.text, _ACCEPTED)

    def repeats(self, view: View, offer: Offer) -> bool:
        """Return whether ``offer`` at ``view`` is what the user has just deleted there."""
        place = self._places.get(view.uri)
        if place is None or not place.removed.strip() or not _is_same(place.view, view):
            return False
        removed, text = place.removed.strip(), offer.text.strip()
        if not (text.startswith(removed) or removed.startswith(text)):
            return False
        if place.was_accepted:
            return True
        is_correction = _LETTER.match(view.window.before[-1:]) and _LETTER.match(place.removed)
        is_long = len(_LETTER.findall(min(removed, text, key=len))) >= _MIN_EQUAL_LETTERS
        return is_long and not is_correction and offer not in place.known

    def _write(self, place: _Place, view: View, text: str, mark: str) -> None:
        written = (place.written + mark * len(text))[-_MAX_WRITTEN:]
        self._places[view.uri] = _Place(view, written, origin=place.origin)

    def _remove(self, place: _Place, view: View, removed: str, known: Collection[Offer]) -> None:
        size = max(len(place.view.window.prefix) - len(view.window.prefix), 0)
        written = place.written[: max(len(place.written) - size, 0)]
        self._places[view.uri] = _Place(
            view,
            written,
            removed + place.removed if size else place.removed + removed,
            place.was_accepted or _ACCEPTED in place.written[len(written) :],
            known,
            place.origin,
        )


def _is_same(one: View, other: View) -> bool:
    return change_between(one.window, other.window) == Change()


def _removed_between(old: Window, new: Window) -> str:
    """Return the text that was deleted at the cursor of ``new``; empty if anything else happened.

    A deletion moves the edges of a window by so little that most windows still begin and end at the same characters.
    """
    before, after = old.prefix + old.suffix, new.prefix + new.suffix
    count, cursor = len(before) - len(after), len(new.prefix)
    is_removal = count > 0 and before[:cursor] == new.prefix and before[cursor + count :] == new.suffix
    return before[cursor : cursor + count] if is_removal else ""
