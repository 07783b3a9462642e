"""A request between the event loop and the model thread."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable

from infill_completion.api import Chunk, CompletionRequest

# To wake the event loop and to write and read an event takes about as long as a step of a small model. So many chunks
# of what is computed ahead are passed on at once; of what a user waits for, those of so many seconds.
_HELD_CHUNKS = 8
_HELD_S = 0.005


class RequestError(Exception):
    """A request failed in the model; the message is one sentence without any text of the user."""


class Job:
    """One request of a worker; it is made and read on the event loop.

    Args:
        request: The request.
        clock: Seconds that never go back.
    """

    def __init__(self, request: CompletionRequest, clock: Callable[[], float] = time.monotonic) -> None:
        self.request = request
        self._clock = clock
        self._arrived = clock()
        self._passed_on = -math.inf
        self._cancelled = False
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[list[Chunk] | RequestError | None] = asyncio.Queue()
        self._held: list[Chunk] = []

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
        return self.request.deadline_ms - int((self._clock() - self._arrived) * 1000)

    def put(self, item: Chunk | RequestError | None) -> None:
        """Pass a chunk, an error or the end (None) on from the model thread; never blocks.

        The first token and each line are passed on at once, what is between them several tokens at a time.
        """
        items: list[list[Chunk] | RequestError | None] = (
            [item] if item is None or isinstance(item, RequestError) else []
        )
        if isinstance(item, Chunk):
            self._held.append(item)
            if not self._is_due(item):
                return
        if self._held:
            items, self._held = [self._held, *items], []
        try:
            self._loop.call_soon_threadsafe(self._enqueue, items)
        except RuntimeError:  # the loop is closed, because the engine is ending
            self._cancelled = True

    async def batches(self) -> AsyncIterator[list[Chunk]]:
        """Yield the chunks as they arrive, those together that arrived together.

        Raises:
            RequestError: The model failed, or the engine is ending.
        """
        while (item := await self._queue.get()) is not None:
            if isinstance(item, RequestError):
                raise item
            yield item

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Yield the chunks as they arrive.

        Raises:
            RequestError: The model failed, or the engine is ending.
        """
        async for batch in self.batches():
            for chunk in batch:
                yield chunk

    def _is_due(self, newest: Chunk) -> bool:
        """Return whether what is held is to be passed on; nobody reads what is computed ahead as it is written."""
        if newest.finish_reason is not None:
            return self.request.n > 1  # of a single choice, the end of the answer comes next, and both go together
        if "\n" in newest.text:
            return True
        if self.request.ahead:
            return len(self._held) >= _HELD_CHUNKS
        now = self._clock()
        is_due = now - self._passed_on >= _HELD_S
        if is_due:
            self._passed_on = now
        return is_due

    def _enqueue(self, items: list[list[Chunk] | RequestError | None]) -> None:
        for item in items:
            self._queue.put_nowait(item)
