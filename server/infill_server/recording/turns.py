"""One event after another: a key or a token comes in only when the effects of the event before it have settled.

Otherwise what a key meets would depend on how far the tasks of the event loop happen to be, which no trace can hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Admit = Callable[[bytes], Awaitable[None]]

# An event sets off a chain of callbacks, each of which waits for the one before it; the longest has about ten.
_STEPS = 40


class Turns:
    """Gives each event its turn."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Return when the effects of earlier events have settled; the caller's event comes before any other."""
        async with self._lock:
            for _ in range(_STEPS):
                await asyncio.sleep(0)
