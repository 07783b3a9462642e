"""Automatic suggestions that stay away for a while, in one window."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from infill_completion.document.snapshot import Snapshot, Trigger

MAX_MINUTES = 24 * 60
DEFAULT_MINUTES = 10


class Snooze:
    """Whether automatic suggestions are snoozed, and until when.

    Args:
        on_change: Called when the time begins, and when it is over.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._until_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def until_s(self) -> float | None:
        """Until when, in seconds since 1970; None if nothing is snoozed."""
        # The wall clock goes on while a laptop sleeps, the event loop's need not.
        return self._until_s if self._until_s is not None and time.time() < self._until_s else None

    @property
    def sentence(self) -> str:
        """What the user is told; empty if nothing is snoozed."""
        if (until_s := self.until_s) is None:
            return ""
        until = time.strftime("%H:%M", time.localtime(until_s))
        return f"Automatic suggestions are snoozed until {until}; invoke one by hand."

    def covers(self, snapshot: Snapshot) -> bool:
        """Return whether a request gets nothing now."""
        return self.until_s is not None and snapshot.trigger is not Trigger.INVOKED

    def begin(self, minutes: float) -> float | None:
        """Snooze from now on, in the place of an earlier time, and return until when; 0 minutes end it."""
        self.close()
        if minutes > 0:
            self._until_s = time.time() + minutes * 60
            self._timer = asyncio.get_running_loop().call_later(minutes * 60, self._end)
        self._on_change()
        return self.until_s

    def close(self) -> None:
        """Snooze no longer, and call nobody."""
        self._until_s = None
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self._until_s = None
        self._on_change()
