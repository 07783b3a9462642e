"""The history of edits: what the user changed, merged into hunks, and what was undone.

It lives in memory only, and nothing of it is ever logged or written anywhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from infill_completion.document.changes import LineChange

MAX_DOCUMENTS = 32
MAX_HUNKS = 32
# A hunk that has grown beyond this was not one change.
MAX_HUNK_LINES = 200
_MAX_STATES = 400
_MAX_UNDONE = 64

Lines = tuple[str, ...]


@dataclass
class Hunk:
    """What a person would call one change: lines that touch each other, and that were changed one after the other.

    Attributes:
        uri: The document.
        first: The line of the document at which it begins now.
        before: The lines before it, with their line ends.
        after: The lines that are there instead.
        number: The order of its last change among the changes of all documents.
    """

    uri: str
    first: int
    before: Lines
    after: Lines
    number: int
    _states: set[int] = field(default_factory=set)

    @property
    def end(self) -> int:
        """The line after its last one."""
        return self.first + len(self.after)

    def touches(self, change: LineChange) -> bool:
        """Return whether ``change``, which is trimmed, is one of the same lines or goes on directly below them."""
        end = change.first + len(change.before)
        if not self.after:
            return change.first <= self.first <= end
        return (change.first < self.end and self.first < end) or (not change.before and change.first == self.end)

    def has(self, change: LineChange) -> bool:
        """Return whether ``change``, which is trimmed, is one of its lines alone, and keeps their number."""
        is_kept = 0 < len(change.before) == len(change.after)
        return is_kept and self.first <= change.first and change.first + len(change.before) <= self.end

    def follow(self, change: LineChange) -> bool:
        """Add a change that touches the hunk and return whether it takes something back."""
        above = change.before[: max(self.first - change.first, 0)]
        below = change.before[max(self.end - change.first, 0) :] if change.first + len(change.before) > self.end else ()
        self._states.add(self._state())
        first = min(self.first, change.first)
        now = [*above, *self.after, *below]
        former = tuple(now)
        now[change.first - first : change.first - first + len(change.before)] = change.after
        before = (*above, *self.before, *below)
        self.number = change.number
        self.first, self.before, self.after = trimmed(first, before, tuple(now))
        if len(self._states) > _MAX_STATES:
            self._states.clear()
        return self._state() in self._states and not _is_key(former, tuple(now))

    def moved(self, change: LineChange) -> None:
        """Move with a change elsewhere in the document."""
        if change.first + len(change.before) <= self.first:
            self.first += len(change.after) - len(change.before)

    def _state(self) -> int:
        return hash((self.first, self.before, self.after))


def trimmed(first: int, before: Lines, after: Lines) -> tuple[int, Lines, Lines]:
    """Return a change of lines without the lines at both ends that are the same."""
    most = min(len(before), len(after))
    top = next((index for index in range(most) if before[index] != after[index]), most)
    most -= top
    below = next((index for index in range(most) if before[-1 - index] != after[-1 - index]), most)
    return first + top, before[top : len(before) - below], after[top : len(after) - below]


class DocumentHistory:
    """The hunks of one document, the oldest first.

    Attributes:
        hunks: The hunks that still stand.
        is_undone: Whether the last change took something back.
        undone: The hunks that were taken back, as lines before and after; the newest last.
    """

    def __init__(self, uri: str) -> None:
        self.hunks: list[Hunk] = []
        self.is_undone = False
        self.undone: list[tuple[Lines, Lines]] = []
        self._uri = uri

    def add(self, change: LineChange) -> None:
        """Add one change."""
        change = LineChange(*trimmed(change.first, change.before, change.after), change.number)
        self._turn_to(change)
        latest = self.hunks[-1] if self.hunks else None
        if latest is not None and latest.touches(change):
            earlier = latest.before, latest.after
            self.is_undone = latest.follow(change)
            others = self.hunks[:-1]
        else:
            latest, earlier = Hunk(self._uri, change.first, change.before, change.after, change.number), None
            others, self.is_undone = list(self.hunks), False
            self.hunks.append(latest)
        for hunk in others:
            hunk.moved(change)
        if latest.before == latest.after:
            self.hunks.remove(latest)
            self.is_undone = True
            if earlier is not None:
                self._remember(earlier)
        else:
            self._settle(latest)
        del self.hunks[:-MAX_HUNKS]

    def _turn_to(self, change: LineChange) -> None:
        """Make a hunk the last one if one of several cursors goes on with it: each has made one change since."""
        for since, hunk in enumerate(reversed(self.hunks)):
            if change.number - hunk.number - 1 != since:
                return
            if since and hunk.has(change):
                self.hunks.remove(hunk)
                self.hunks.append(hunk)
                return

    def _settle(self, latest: Hunk) -> None:
        """Drop the hunk that ``latest`` takes back, and hunks that have grown too large."""
        for hunk in self.hunks[:-1]:
            if (hunk.first, hunk.before, hunk.after) == (latest.first, latest.after, latest.before):
                self._remember((hunk.before, hunk.after))
                self.hunks = [other for other in self.hunks if other is not hunk and other is not latest]
                self.is_undone = True
                return
        if max(len(latest.before), len(latest.after)) > MAX_HUNK_LINES:
            self.hunks.remove(latest)

    def _remember(self, change: tuple[Lines, Lines]) -> None:
        self.undone.append(change)
        del self.undone[:-_MAX_UNDONE]


class EditHistory:
    """The hunks of all open documents of a window."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, DocumentHistory] = OrderedDict()

    def add(self, uri: str, changes: Iterable[LineChange], *, is_broken: bool = False) -> None:
        """Add the changes of a document, the oldest first.

        Args:
            uri: The document.
            changes: The changes since the last call.
            is_broken: Whether changes before them are missing; then nothing is known of the document's past.
        """
        if is_broken:
            self._documents.pop(uri, None)
        changes = list(changes)
        if not changes:
            return
        history = self._documents.setdefault(uri, DocumentHistory(uri))
        self._documents.move_to_end(uri)
        for change in changes:
            history.add(change)
        while len(self._documents) > MAX_DOCUMENTS:
            self._documents.popitem(last=False)

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._documents.pop(uri, None)

    @property
    def uris(self) -> tuple[str, ...]:
        """The documents with changes."""
        return tuple(self._documents)

    def of(self, uri: str) -> DocumentHistory | None:
        """Return the history of a document; None if nothing was changed in it."""
        return self._documents.get(uri)

    def latest(self) -> Iterator[Hunk]:
        """Return the hunks of all documents, the newest first."""
        found = (hunk for history in self._documents.values() for hunk in history.hunks)
        return iter(sorted(found, key=lambda hunk: -hunk.number))


def _is_key(before: Lines, after: Lines) -> bool:
    """Return whether one character came or went: a name that is deleted and typed anew may pass where it was before."""
    old, new = "".join(before), "".join(after)
    short, long = sorted((old, new), key=len)
    if len(long) - len(short) != 1:
        return False
    at = next((index for index in range(len(short)) if long[index] != short[index]), len(short))
    return long[at + 1 :] == short[at:]
