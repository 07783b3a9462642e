"""A request between the event loop and the model thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from infill_completion.api import Chunk, CompletionRequest


class RequestError(Exception):
    """A request failed in the model; the message is one sentence without any text of the user."""


class Job:
    """One request of a worker; it is made and read on the event loop."""

    def __init__(self, request: CompletionRequest) -> None:
        self.request = request
        self._arrived = time.monotonic()
        self._cancelled = False
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Chunk | RequestError | None] = asyncio.Queue()

    def cancelled(self) -> bool:
        """Return whether the request was cancelled; the model thread polls this before every token."""
        return self._cancelled

    def cancel(self, error: RequestError | None = None) -> None:
        """Stop before the next token, and end :meth:`chunks` at once, with ``error`` if one is given."""
        if not self._cancelled:
            self._cancelled = True
            self._queue.put_nowait(error)

    def remaining_ms(self) -> int | None:
        """Return how much of the request's deadline is left, counted from the arrival of the request."""
        if self.request.deadline_ms is None:
            return None
        return self.request.deadline_ms - int((time.monotonic() - self._arrived) * 1000)

    def put(self, item: Chunk | RequestError | None) -> None:
        """Pass a chunk, an error or the end (None) on from the model thread; never blocks."""
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:  # the loop is closed, because the engine is ending
            self._cancelled = True

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks as they arrive.

        Raises:
            RequestError: The model failed, or the engine is ending.
        """
        while (item := await self._queue.get()) is not None:
            if isinstance(item, RequestError):
                raise item
            yield item
