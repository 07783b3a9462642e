"""When the engine was last used, and whether it should wake up or stop."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class IdleLimits:
    """How long the engine stays idle before it gives something up, in seconds.

    Attributes:
        unload_s: The weights are unloaded.
        exit_s: The engine ends.
        failed_exit_s: An engine whose model could not be loaded ends, so that a corrected model can be tried.
        settle_s: Memory that only running requests need goes back to the system.
    """

    unload_s: float = 900.0
    exit_s: float = 1800.0
    failed_exit_s: float = 30.0
    settle_s: float = 2.0


class Activity:
    """What other threads ask of the model thread, which waits for it here.

    Attributes:
        changed: The lock for everything that the threads share; notified when any of it changes.
        is_stopping: Whether the model thread should end.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.is_stopping = False
        self._is_woken = False
        self._last_used = time.monotonic()

    def use(self) -> None:
        """Record a use."""
        with self.changed:
            self._last_used = time.monotonic()
            self.changed.notify()

    def wake(self) -> None:
        """Record a use and load unloaded weights again."""
        with self.changed:
            self._is_woken = True
            self.use()

    def restart(self) -> None:
        """Record a use after loading the weights, which fulfils all calls of :meth:`wake` so far."""
        with self.changed:
            self._is_woken = False
            self.use()

    def stop(self) -> None:
        """Ask the model thread to end."""
        with self.changed:
            self.is_stopping = True
            self.changed.notify()

    def remaining_s(self, limit_s: float) -> float:
        """Return how much of a limit of idle time is left; 0 or less when the engine has been idle that long."""
        remaining = self._last_used + limit_s - time.monotonic()
        return min(remaining, threading.TIMEOUT_MAX)  # a longer wait raises OverflowError

    def wait_for_wake(self, limit_s: float) -> bool:
        """Wait to be woken or stopped; return False after ``limit_s`` without a use."""
        with self.changed:
            while not (self._is_woken or self.is_stopping):
                remaining = self.remaining_s(limit_s)
                if remaining <= 0:
                    return False
                self.changed.wait(remaining)
            self._is_woken = False
        return True

    def wait_for_stop(self, timeout_s: float) -> None:
        """Wait to be stopped, for at most ``timeout_s``."""
        until = time.monotonic() + timeout_s
        with self.changed:
            while not self.is_stopping and (remaining := until - time.monotonic()) > 0:
                self.changed.wait(remaining)
