"""The remote engine: vLLM, the llama.cpp server, Ollama, or our own engine on another machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, EngineUnavailableError, FinishReason, Health
from infill_completion.client.remote.cold_start import ColdStart, bring_up
from infill_completion.client.remote.exchange import AnswerStream
from infill_completion.client.remote.merging import merged_once_begun
from infill_completion.client.remote.profile import ModelGoneError
from infill_completion.client.remote.server import RemoteServer
from infill_completion.client.remote.state import RemoteState
from infill_completion.client.silence import SilenceCounter
from infill_completion.settings import EngineSettings

_ANSWER_S = 120.0
# A server whose model is loaded says so within this time; requests do not wait longer for one that loads.
_PATIENCE_S = 0.3
# A server that was given up before its first answer may be loading, or only slow.
_DOUBT_S = 0.7
# After this time without an answer, a server may have dropped its model.
_SLEEPY_S = 300.0
# After this time without an answer, another client may have pushed the model out of memory.
_WARM_S = 30.0
# The list of models is read again after this time: the server may have been replaced.
_SURVEY_S = 300.0


class RemoteEngine:
    """Asks a remote server; implements :class:`infill_completion.api.Engine`, with the methods of ``LocalEngine``.

    A server whose model is not loaded yet is waited for by a request without a deadline; until it answers, requests
    are refused at once with that state.

    Args:
        settings: Names the URL, the protocol, the model and the variable with the API key.
        on_health: Called on the event loop with every change of state.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        settings: EngineSettings,
        on_health: Callable[[Health], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._server = RemoteServer(settings)
        self._state = RemoteState(settings.model, on_health)
        self._silences = SilenceCounter()
        self._cold_start = ColdStart(self._waited)
        self._surveying: asyncio.Task[None] | None = None
        self._surveyed_s = self._answered_s = -float("inf")
        self._answers = 0

    @property
    def last_health(self) -> Health:
        """The last known state."""
        return self._state.health

    @property
    def edit_format(self) -> str:
        """Family of the next-edit format of the server's model; see `infill_completion.api.Rewriter`."""
        return self._server.edit_format

    async def start(self) -> None:
        """Find out which model the server has, and wait until it is loaded; a failure is reported, not raised."""
        try:
            await self.health()
        except EngineUnavailableError as error:
            self._failed(error)
        await self._cold_start.settled()

    async def wait_ready(self, timeout_s: float) -> Health:
        """Wait until the model is loaded or has failed to load, and return the state; give up after ``timeout_s``."""
        try:
            await asyncio.wait_for(self.start(), timeout_s)
        except TimeoutError:
            self._state.failed(self._server.errors.timed_out())
        return self.last_health

    async def health(self) -> Health:
        """Ask the server which models it has, and whether the one to use is loaded.

        Raises:
            EngineUnavailableError: It does not answer, refuses us, or does not have the model.
        """
        self._server.forget()
        await self._ready(None)
        self._succeed()
        return self.last_health

    def facts(self) -> dict[str, Any]:
        """Return the address, the format of the model and the window, as far as the last survey found them."""
        return self._server.facts()

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks; see :class:`infill_completion.api.Engine`.

        The deadline is kept on this side: the connection is closed and the choices end with that reason.  After a
        failure the server is not asked for a while, unless the user invoked the request.
        """
        if self._state.is_resting and not request.is_invoked:
            raise self.last_health.unavailable()
        until = _now() + (_ANSWER_S if request.deadline_ms is None else request.deadline_ms / 1000)
        try:
            await self._ready(until)
            try:
                async with contextlib.aclosing(self._choices(request, until)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except ModelGoneError as error:  # raised before the first chunk
                await self._change_model(error, until)
                async with contextlib.aclosing(self._choices(request, until)) as chunks:
                    async for chunk in chunks:
                        yield chunk
        except EngineUnavailableError as error:
            self._failed(error)
            raise

    async def aclose(self) -> None:
        """Close all connections."""
        if self._surveying is not None:
            self._surveying.cancel()
            await asyncio.gather(self._surveying, return_exceptions=True)
        await self._cold_start.aclose()
        await self._server.aclose()

    # What precedes a request.

    async def _ready(self, until: float | None) -> None:
        """Return once the server can be asked.

        Raises:
            EngineUnavailableError: It cannot, or its model is loading.
        """
        if not self._cold_start.is_running:
            await self._surveyed(until)
            if self._server.needs_load or (self._server.loads_on_demand and self._idle_s > _WARM_S):
                self._cold_start.begin(partial(bring_up, self._server))
        if self._cold_start.is_running:
            if not await self._cold_start.settled(_PATIENCE_S if self._cold_start.is_certain else _DOUBT_S):
                raise self._loading()
            if self._cold_start.failure is not None:
                raise self._cold_start.failure

    async def _surveyed(self, until: float | None) -> None:
        """Return once it is known which model to ask; what is known already is looked up again from time to time."""
        is_old = self._clock() - self._surveyed_s > _SURVEY_S
        if (not self._server.is_known or is_old) and (self._surveying is None or self._surveying.done()):
            self._surveyed_s = self._clock()
            self._surveying = asyncio.create_task(self._server.survey())
            self._surveying.add_done_callback(_retrieve)
        if not self._server.is_known and self._surveying is not None:
            await asyncio.wait({self._surveying}, timeout=None if until is None else max(0.0, until - _now()))
            if not self._surveying.done():
                raise self._loading()
            self._surveying.result()

    def _take_over(self, answers: int, silent: asyncio.Task[AnswerStream], is_late: bool) -> bool:
        """Wait for a server that has sent nothing yet, if it may be loading its model; return whether it is waited for.

        Hanging up would make it abort the load.

        Args:
            answers: How often the server had answered when the request began.
            silent: The request.
            is_late: Whether its deadline has passed; otherwise no caller waits for it any more.
        """
        was_awake = self._answers > answers if is_late else self._idle_s < _SLEEPY_S
        if was_awake or self._cold_start.is_running or not self._server.may_load:
            return False
        self._cold_start.begin(partial(self._server.finish, silent), is_certain=is_late)
        return True

    @property
    def _idle_s(self) -> float:
        """How long the server has not answered."""
        return self._clock() - self._answered_s

    async def _change_model(self, gone: ModelGoneError, until: float) -> None:
        """Look for another model, because the server does not have its former one any more.

        Raises:
            EngineUnavailableError: It has no other one.
        """
        before = self._server.name
        self._server.forget()
        await self._ready(until)
        if self._server.name == before:
            raise gone

    # The request itself.

    async def _choices(self, request: CompletionRequest, until: float) -> AsyncGenerator[Chunk, None]:
        """Yield all choices, by one request or by several, as the server can."""
        missing, answers = set(range(request.n)), self._answers
        if request.n == 1 or self._server.has_all_choices:
            chunks = self._chunks(request, None, until, answers)
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    missing.discard(chunk.index)
                    yield chunk
            if not missing or len(missing) == request.n:
                return
            self._server.lacks_choices()
        one = replace(request, n=1)
        streams = [self._chunks(one, index, until, answers) for index in sorted(missing)]
        # What the server refuses of the first one, the others leave out.
        async with contextlib.aclosing(merged_once_begun(streams)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _chunks(
        self, request: CompletionRequest, index: int | None, until: float, answers: int
    ) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of one HTTP request; at the deadline its open choices end.

        Args:
            request: What to complete.
            index: The choice; None for all.
            until: The deadline, on the event loop's clock.
            answers: How often the server had answered before the first HTTP request for it.
        """
        unfinished = set(range(request.n)) if index is None else {index}
        try:
            stream = self._server.stream(request, index, until, partial(self._take_over, answers))
            async with contextlib.aclosing(stream):
                async for chunk in stream:
                    if chunk.finish_reason is not None:
                        unfinished.discard(chunk.index)
                    self._answered()
                    yield chunk
        except TimeoutError:
            self._note_deadline(is_silent=self._answers == answers)
            for choice in sorted(unfinished):
                yield Chunk(choice, finish_reason=FinishReason.DEADLINE)

    def _note_deadline(self, *, is_silent: bool) -> None:
        """Record a missed deadline.

        Raises:
            EngineUnavailableError: The server sent nothing: it may be loading, or this is one of several in a row.
        """
        if not is_silent:
            self._silences.reset()
            return
        self._silences.missed()
        if self._silences.is_suspicious:
            raise self._server.errors.silent(self._silences.count)
        if self._cold_start.is_running:
            raise self._loading()

    # The state.

    def _answered(self) -> None:
        self._answers += 1
        self._answered_s = self._clock()
        self._silences.reset()
        self._succeed()

    def _waited(self, failure: EngineUnavailableError | None) -> None:
        if failure is None:
            self._answered_s = self._clock()
            self._succeed()
        else:
            self._failed(failure)

    def _loading(self) -> EngineUnavailableError:
        self._state.loading(self._server.name, self._server.loading_message)
        return self.last_health.unavailable()

    def _succeed(self) -> None:
        self._state.ready(self._server.name, self._server.loss)

    def _failed(self, error: EngineUnavailableError) -> None:
        if not error.state.is_loading:
            self._server.forget()
            self._state.failed(error)
            return
        if not self._cold_start.is_running:
            self._cold_start.begin(partial(bring_up, self._server))
        self._loading()


def _retrieve(task: asyncio.Task[None]) -> None:
    """Retrieve an exception that may have no waiter, because asyncio would log it otherwise."""
    if not task.cancelled():
        task.exception()


def _now() -> float:
    return asyncio.get_running_loop().time()
