"""The time that one gathering of context may take."""

from __future__ import annotations

from collections.abc import Callable


class TimeBudget:
    """Is asked before each costly piece of work, and remembers the sources that ran out of time.

    Args:
        most_ms: The time from now on.
        clock: Seconds that never go back.
    """

    def __init__(self, most_ms: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ends_s = clock() + most_ms / 1000
        self._missing: dict[str, None] = {}

    def allows(self, source: str) -> bool:
        """Return whether there is time for more of ``source``; once there was none, there is none for any source."""
        if not self._missing and self._clock() <= self._ends_s:
            return True
        self._missing[source] = None
        return False

    def for_source(self, source: str) -> Callable[[], bool]:
        """Return `allows` for one source."""
        return lambda: self.allows(source)

    @property
    def missing(self) -> tuple[str, ...]:
        """The sources that are incomplete, in the order in which they asked for time."""
        return tuple(self._missing)
