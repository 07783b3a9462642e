"""How long a server that failed is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable

# After the first failure, the second in a row, and so on; the last is for all others.
RETRY_S = (2.0, 5.0, 15.0, 60.0)
# A server may ask for more, but an hour later the user has forgotten it, and its clock may be wrong.
MOST_S = 600.0


class Backoff:
    """Counts failures in a row and tells when to try again; ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether it is too early to try again."""
        return self._clock() < self._until

    def failed(self, asked_s: float = 0.0) -> None:
        """Note a failure; the server itself may have asked to be left alone for ``asked_s`` seconds."""
        self._failures += 1
        wait_s = RETRY_S[min(self._failures, len(RETRY_S)) - 1]
        self._until = self._clock() + min(max(wait_s, asked_s), MOST_S)

    def succeeded(self) -> None:
        """Note that it works."""
        self._failures, self._until = 0, 0.0
