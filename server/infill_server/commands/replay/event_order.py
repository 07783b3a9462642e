"""The order of the events of a trace, kept while the trace is replayed.

Whether a key comes before or after a token decides what the user sees.  So each event of a replay waits until all
events have happened that came before it in the trace.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence

from infill_completion.api import Chunk, CompletionRequest
from infill_server.recording.messages import is_recorded
from infill_server.recording.recorder import Event
from infill_server.recording.redaction import digest
from infill_server.recording.turns import Turns

# An event that has not happened while the engine was idle for this long will not happen.
PATIENCE_S = 1.0
# After the first such event the rest of the session is hardly the same.
_DIVERGED_S = 0.05

Key = tuple[str, int, int]


class EventOrder:
    """Lets the events of a replayed session happen in the order of the trace.

    Implements :class:`infill_server.recording.observed_engine.EngineEvents`.

    Args:
        events: The events of the trace.
        on_asked: Called with the number and the hash of each request to the engine.

    Attributes:
        number: The number of the last request to the engine.
    """

    def __init__(self, events: Sequence[Event], on_asked: Callable[[int, str], object]) -> None:
        self.number = 0
        self._on_asked = on_asked
        self._messages = [at for at, event in enumerate(events) if event.kind in {"client", "settings"}]
        self._read = 0  # messages
        self._index = dict(_keys(events))
        self._happened = [False] * len(events)
        self._first = 0  # the first event that has not happened
        self._running: set[int] = set()
        self._blocked: set[int] = set()  # of the running requests, those whose next chunk waits here
        self._patience_s = PATIENCE_S
        self._turns = Turns()
        self._asking = asyncio.Lock()
        self._changed = asyncio.Event()

    async def admit(self, body: bytes) -> None:
        """Return when a message of the client may be processed."""
        if not _is_of_trace(body) or self._read >= len(self._messages):
            return
        at = self._messages[self._read]
        self._read += 1
        await self._until(at)
        await self._turns.take()
        self._note(at)

    def sent(self, message: object) -> None:
        """Record an answer."""
        if isinstance(message, dict) and "method" not in message and isinstance(message.get("id"), int):
            self._note(self._index.get(("answer", message["id"], 0)))

    async def asked(self, request: CompletionRequest) -> tuple[int, CompletionRequest]:
        """Return the number of a request, when all events before it have happened."""
        async with self._asking:
            at = self._index.get(("asked", self.number + 1, 0))
            await self._until(at)
            self.number += 1
        self._running.add(self.number)
        self._note(at)
        self._on_asked(self.number, digest(request))
        return self.number, request

    async def chunk(self, number: int, index: int, chunk: Chunk) -> None:
        """Return when all events before a chunk have happened."""
        del chunk
        at = self._index.get(("chunk", number, index))
        await self._blocking(number, at)
        await self._turns.take()
        self._note(at)

    async def end_of(self, number: int) -> None:
        """Return when all events before the end of a request have happened."""
        await self._blocking(number, self._index.get(("over", number, 0)))

    def over(self, number: int, how: str, error: str = "") -> None:
        """Record the end of a request; no more of its chunks will come."""
        del how, error
        self._running.discard(number)
        index = 0
        while (at := self._index.get(("chunk", number, index))) is not None:
            self._happened[at] = True
            index += 1
        self._note(self._index.get(("over", number, 0)))

    async def _until(self, at: int | None) -> None:
        """Wait until all events before ``at`` have happened; those that no longer can are passed over."""
        while at is not None and (missing := self._first_missing()) < at:
            changed = self._changed
            try:
                async with asyncio.timeout(self._patience_s):
                    await changed.wait()
            except TimeoutError:
                if self._running <= self._blocked:  # no request waits for the model
                    self._patience_s = _DIVERGED_S
                    self._note(missing)

    async def _blocking(self, number: int, at: int | None) -> None:
        self._blocked.add(number)
        try:
            await self._until(at)
        finally:
            self._blocked.discard(number)

    def _first_missing(self) -> int:
        while self._first < len(self._happened) and self._happened[self._first]:
            self._first += 1
        return self._first

    def _note(self, at: int | None) -> None:
        if at is not None:
            self._happened[at] = True
        self._changed.set()
        self._changed = asyncio.Event()


def _keys(events: Sequence[Event]) -> Iterator[tuple[Key, int]]:
    chunks: dict[int, int] = {}
    for at, event in enumerate(events):
        if event.kind == "answer":
            yield ("answer", event.data["id"], 0), at
        elif event.kind in {"asked", "over"}:
            yield (event.kind, event.data["n"], 0), at
        elif event.kind == "chunk":
            number = event.data["n"]
            yield ("chunk", number, chunks.get(number, 0)), at
            chunks[number] = chunks.get(number, 0) + 1


def _is_of_trace(body: bytes) -> bool:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and is_recorded(str(message.get("method")))
