"""The changes of a document that nobody has looked at yet, as lines before and after."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

# Changes that are kept; whoever reads them less often loses the oldest.
MAX_CHANGES = 1000
# A change of more lines was not made by hand.
MAX_LINES = 200


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


class ChangeClock:
    """Numbers the changes of all documents of a window."""

    def __init__(self) -> None:
        self.now = 0

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
        self._changes: deque[LineChange] = deque(maxlen=MAX_CHANGES)

    def __bool__(self) -> bool:
        """Return whether there is something to read."""
        return bool(self._changes) or self.is_broken

    def note(self, first: int, before: list[str], after: list[str]) -> None:
        """Note that ``before``, the lines from ``first`` on, became ``after``."""
        if len(before) > MAX_LINES or len(after) > MAX_LINES:
            self.clear()
            return
        self.is_broken = self.is_broken or len(self._changes) == MAX_CHANGES
        self._changes.append(LineChange(first, tuple(before), tuple(after), self._clock.tick()))

    def clear(self) -> None:
        """Forget all changes; the reader learns that some are missing."""
        self._changes.clear()
        self.is_broken = True

    def take(self) -> list[LineChange]:
        """Return the changes since the last call, the oldest first."""
        taken = list(self._changes)
        self._changes.clear()
        self.is_broken = False
        return taken
