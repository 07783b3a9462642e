"""The changes of a document that nobody has looked at yet, as lines before and after."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# Changes that are kept; whoever reads them less often loses the oldest.
MAX_CHANGES = 1000
# A change of more lines was not made by hand.
MAX_LINES = 200
# A change of longer lines is none of code, and each key would keep such a line twice.
MAX_CHARACTERS = 20_000
# Characters of all changes that are kept of a document.
MAX_KEPT_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class LineChange:
    """One change of a document: whole lines, with their line ends, were replaced by others.

    Attributes:
        first: The first line that was replaced, from 0.
        before: The lines that were there.
        after: The lines that are there now.
        number: Counts all changes of all documents, so that they have an order.
    """

    first: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    number: int

    @property
    def size(self) -> int:
        """The characters before and after."""
        return sum(map(len, self.before)) + sum(map(len, self.after))


class ChangeClock:
    """Numbers the changes of all documents of a window.

    Attributes:
        is_on: Whether changes are to be kept at all.
    """

    def __init__(self) -> None:
        self.now = 0
        self.is_on: Callable[[], bool] = lambda: True

    def tick(self) -> int:
        """Return the next number."""
        self.now += 1
        return self.now


class ChangeLog:
    """The latest changes of one document, for a reader that comes by now and then.

    Noting a change copies references to its lines and nothing else, since it happens with every key.

    Attributes:
        is_broken: Whether changes are missing here because they were too many or too large.
    """

    def __init__(self, clock: ChangeClock) -> None:
        self.is_broken = False
        self._clock = clock
        self._changes: deque[LineChange] = deque()
        self._kept = 0  # characters

    def __bool__(self) -> bool:
        """Return whether there is something to read."""
        return bool(self._changes) or self.is_broken

    def note(self, first: int, before: list[str], after: list[str]) -> None:
        """Note that ``before``, the lines from ``first`` on, became ``after``."""
        if not self._clock.is_on() or len(before) > MAX_LINES or len(after) > MAX_LINES:
            self.clear()
            return
        change = LineChange(first, tuple(before), tuple(after), self._clock.tick())
        if change.size > MAX_CHARACTERS:
            self.clear()
            return
        self._changes.append(change)
        self._kept += change.size
        while len(self._changes) > MAX_CHANGES or self._kept > MAX_KEPT_CHARACTERS:
            self._kept -= self._changes.popleft().size
            self.is_broken = True

    def clear(self) -> None:
        """Forget all changes; the reader learns that some are missing."""
        self._changes.clear()
        self._kept = 0
        self.is_broken = True

    def take(self) -> list[LineChange]:
        """Return the changes since the last call, the oldest first."""
        taken = list(self._changes)
        self._changes.clear()
        self._kept = 0
        self.is_broken = False
        return taken
