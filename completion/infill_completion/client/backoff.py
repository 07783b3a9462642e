"""How long to wait before an engine that failed is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

# A server may ask for more, but the user has forgotten it by then, and the server's clock may be wrong.
_MAX_S = 600.0


class Backoff:
    """Counts failures in a row and decides when to try again.

    Args:
        delays_s: Seconds to wait after the first failure, the second in a row, and so on; the last repeats.
        clock: Returns the time in seconds.
    """

    def __init__(self, delays_s: Sequence[float], clock: Callable[[], float] = time.monotonic) -> None:
        self._delays_s = delays_s
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether it is too early to try again."""
        return self._clock() < self._until

    def failed(self, retry_after_s: float = 0.0, *, is_repeated: bool = False) -> None:
        """Record a failure.

        Args:
            retry_after_s: The wait that the server itself asked for.
            is_repeated: Whether this is the last failure seen again; it restarts the wait without making it longer.
        """
        self._failures = max(1, self._failures + (not is_repeated))
        wait_s = self._delays_s[min(self._failures, len(self._delays_s)) - 1]
        self._until = self._clock() + min(max(wait_s, retry_after_s), _MAX_S)

    def succeeded(self) -> None:
        """Record a success."""
        self._failures, self._until = 0, 0.0
