"""An engine that says what the model said in a trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, FinishReason, Health
from infill_server.commands.replay.event_order import EventOrder
from infill_server.recording.recorder import Event

_FAILED = "The engine failed here when the session was recorded; replay it with the model."


class RecordedEngine:
    """Answers each request with the chunks of the request that has the same number in the trace.

    Args:
        events: The events of the trace.
        order: Knows the number of the last request.
        on_health: Called when it is started.
    """

    def __init__(self, events: Sequence[Event], order: EventOrder, on_health: Callable[[Health], None]) -> None:
        self._order = order
        self._on_health = on_health
        self._chunks: defaultdict[int, list[Chunk]] = defaultdict(list)
        self._ends: dict[int, str] = {}
        for event in events:
            if event.kind == "chunk":
                self._chunks[event.data["n"]].append(_chunk(event))
            elif event.kind == "over":
                self._ends[event.data["n"]] = str(event.data["how"])

    async def start(self) -> None:
        """Report that the engine is ready."""
        self._on_health(Health(EngineState.READY, model="recorded"))

    async def aclose(self) -> None:
        """Do nothing; there is no connection."""

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the recorded chunks, and an end for each choice that has none.

        Raises:
            EngineUnavailableError: The engine failed when the session was recorded.
        """
        number, unfinished = self._order.number, set(range(request.n))
        for chunk in self._chunks[number]:
            if chunk.finish_reason is not None:
                unfinished.discard(chunk.index)
            yield chunk
        await self._order.end_of(number)
        if self._ends.get(number) == "failed":
            raise EngineUnavailableError(_FAILED)
        for index in sorted(unfinished):
            yield Chunk(index, finish_reason=FinishReason.DEADLINE)


def _chunk(event: Event) -> Chunk:
    data = event.data
    reason = data.get("finish_reason")
    return Chunk(
        int(data.get("index", 0)),
        str(data.get("text", "")),
        None if reason is None else FinishReason(reason),
        float(data.get("logprob_sum", 0.0)),
        int(data.get("token_count", 0)),
    )
