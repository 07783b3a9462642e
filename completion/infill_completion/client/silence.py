"""Counting deadlines that pass without any answer from a server."""

from __future__ import annotations

# A single missed deadline may be a slow moment.
_MAX_SILENCES = 3


class SilenceCounter:
    """Counts the deadlines in a row that passed before the first byte arrived.

    Attributes:
        count: The deadlines in a row so far.
    """

    def __init__(self) -> None:
        self.count = 0

    @property
    def is_suspicious(self) -> bool:
        """Whether so many deadlines were missed that the server probably hangs."""
        return self.count >= _MAX_SILENCES

    def reset(self) -> None:
        """Record an answer, or a part of one."""
        self.count = 0

    def missed(self) -> None:
        """Record a deadline without an answer."""
        self.count += 1
