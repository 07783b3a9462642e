"""The engine's running requests: one for each document, kept while somebody may still want its answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from infill_completion.api import Engine, EngineUnavailableError
from infill_completion.document.view import View
from infill_completion.errors import frames_of
from infill_completion.suggest.preamble import Preamble
from infill_completion.suggest.request import PreparedRequest
from infill_completion.suggest.reuse.change import Change, change_between
from infill_completion.suggest.showing.judge import Begun
from infill_completion.suggest.stream import GenerationStream, engine_error

log = logging.getLogger(__name__)

# An editor cancels a request just before it sends the next one, which may join the running request.
LINGER_S = 0.1
# Of the latencies of requests that nobody waited for, so many are kept for the next key's trace.
_MOST_UNREPORTED = 16


@dataclass
class InflightRequest:
    """A request that the engine is working on.

    Attributes:
        prepared: What was asked.
        stream: The engine's stream.
        is_lookahead: Whether it was started before anybody needed it.
        was_awaited: Whether a request has waited for it.
        waiters: How many requests wait for it now.
        error: Why it failed.
        latency_ms: How long it took.
        is_late: Whether the deadline came before anything whole.
        is_released: Whether those who waited for it were answered before its end.
        is_outdated: Whether its answer comes from earlier settings or another model, so that it must not be used.
        finished: Set at its end.
    """

    prepared: PreparedRequest
    stream: GenerationStream
    is_lookahead: bool = False
    was_awaited: bool = False
    waiters: int = 0
    error: EngineUnavailableError | None = None
    latency_ms: float | None = None
    is_late: bool = False
    is_released: bool = False
    is_outdated: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_anticipated(self) -> bool:
        """Whether it was started for a request of the editor that is still to come."""
        return not (self.is_lookahead or self.was_awaited)

    @property
    def is_speculative(self) -> bool:
        """Whether nobody has needed its answer yet."""
        return self.is_lookahead and not self.was_awaited

    def is_for(self, view: View) -> bool:
        """Return whether it was asked for this very place."""
        return change_between(self.prepared.view.window, view.window) == Change()

    def serves(self, view: View) -> bool:
        """Return whether its answer may serve ``view``; from then on the stream must agree with what was typed."""
        origin = self.prepared.view
        # Between the end of its stream and that of the request, the answer is not remembered yet.
        is_ending = not self.finished.is_set() and self.stream.has_ended
        if not (self.stream.is_running or is_ending) or self.is_outdated or origin.uri != view.uri:
            return False
        if view.is_invoked and not origin.is_invoked:
            return False
        change = change_between(origin.window, view.window)
        if change is None or change.deleted or not self.stream.agrees_with(change.typed):
            return False
        if change.typed and self.stream.given_up.is_set():
            return False  # Nothing of it would be shown there; the engine may be surer of what follows.
        self.stream.expected = change.typed
        return True


class InflightRequests:
    """Starts, shares and stops the requests to the engine.

    Args:
        engine: The engine.
        on_answer: Called with each request that ends with an answer.
        is_steady: Whether a request that nobody waits for runs on until a later key ends it, not for a time only.
    """

    def __init__(
        self, engine: Engine, on_answer: Callable[[InflightRequest], None], *, is_steady: bool = False
    ) -> None:
        self._engine = engine
        self._on_answer = on_answer
        self._lingers = not is_steady
        self._requests: dict[str, InflightRequest] = {}
        self._unreported_ms: deque[float] = deque(maxlen=_MOST_UNREPORTED)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether any request waits for the engine now, or will soon."""
        return any(request.waiters or request.is_anticipated for request in self._requests.values())

    def joinable(self, view: View) -> InflightRequest | None:
        """Return the running request that may serve ``view``."""
        request = self._requests.get(view.uri)
        return request if request is not None and request.serves(view) else None

    def start(
        self, prepared: PreparedRequest, *, is_lookahead: bool = False,
        may_be_shown: Callable[[Begun], bool] | None = None,
    ) -> InflightRequest:  # fmt: skip
        """Ask the engine; this ends the document's earlier request and all speculative ones.

        Args:
            prepared: What to ask.
            is_lookahead: Whether nobody needs the answer yet.
            may_be_shown: Returns whether what the answer begins with may become worth showing.
        """
        uri = prepared.view.uri
        for other_uri, other in list(self._requests.items()):
            if other_uri == uri or other.is_speculative:
                other.stream.cancel()
        preamble = Preamble(prepared.view.window, prepared.view.language_id)
        stream = GenerationStream(self._engine, prepared.request, prepared.extent, preamble, may_be_shown)
        request = InflightRequest(prepared, stream, is_lookahead)
        self._requests[uri] = request
        stream.start()
        task = asyncio.create_task(self._follow(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return request

    async def wait(self, request: InflightRequest, superseded: asyncio.Event) -> None:
        """Wait until the request has finished, is given up, or ``superseded`` is set, whichever comes first."""
        request.waiters += 1
        request.was_awaited = True
        events = (request.finished, request.stream.given_up, superseded)
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            request.waiters -= 1
            if self._lingers and request.waiters == 0 and request.stream.is_running:
                asyncio.get_running_loop().call_later(LINGER_S, _cancel_unwanted, request)

    def release(self, request: InflightRequest) -> None:
        """Let a request go on although nobody waits for it any longer, so that its answer is known later."""
        request.is_released = True
        if request.waiters == 0:
            request.is_lookahead, request.was_awaited = True, False

    def ended_since(self) -> list[float]:
        """Return how long each released request took that has ended since the last call, in milliseconds."""
        ended = list(self._unreported_ms)
        self._unreported_ms.clear()
        return ended

    def stop(self, uri: str) -> None:
        """End the request of a document."""
        request = self._requests.get(uri)
        if request is not None:
            request.stream.cancel()

    def outdate(self) -> None:
        """End all requests, and ignore what they have brought."""
        self._unreported_ms.clear()
        for request in self._requests.values():
            request.is_outdated = True
            request.stream.cancel()

    async def aclose(self) -> None:
        """End all requests and wait until their streams are closed."""
        for uri in list(self._requests):
            self.stop(uri)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _follow(self, request: InflightRequest) -> None:
        started = time.monotonic()
        stream, uri = request.stream, request.prepared.view.uri
        await asyncio.wait({stream.task})
        if self._requests.get(uri) is request:
            del self._requests[uri]
        if not stream.task.cancelled():
            request.latency_ms = (time.monotonic() - started) * 1000
            if request.is_released:
                self._unreported_ms.append(request.latency_ms)
            error = stream.task.exception()
            if error is not None:
                request.error = engine_error(error)
            elif not (stream.has_diverged or request.is_outdated):
                self._hand_over(request)
        request.finished.set()

    def _hand_over(self, request: InflightRequest) -> None:
        """Pass the answer on; an exception there must not leave the waiting requests without one."""
        try:
            self._on_answer(request)
        except Exception as error:
            name = type(error).__name__
            log.error("%s at\n%s", name, frames_of(error))  # noqa: TRY400  # The message may quote the document.
            request.error = EngineUnavailableError(
                f"infill-ls failed on the model's answer ({name}); please report what its log says."
            )


def _cancel_unwanted(request: InflightRequest) -> None:
    if request.waiters == 0 and not request.is_speculative:
        request.stream.cancel()
