"""The engine's running work: one generation for each document, kept while somebody may still want it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infill_completion.api import CompletionRequest, Engine, EngineUnavailableError
from infill_completion.document.view import View
from infill_completion.errors import frames_of
from infill_completion.suggest.extent import Plan
from infill_completion.suggest.reuse import change_between
from infill_completion.suggest.stream import Generation, unavailable

log = logging.getLogger(__name__)

# An editor withdraws a request just before it sends the next one, which may join the running generation.
LINGER_S = 0.1


@dataclass
class Flight:
    """A generation on its way.

    Attributes:
        origin: The view it was asked for.
        generation: The engine's stream.
        sources: The versions of the other documents in the prompt.
        asked: What an explanation tells about the request; None where it was computed ahead.
        is_ahead: Whether nobody has asked for it yet.
        waiters: How many requests wait for it.
        error: Why it failed.
        latency_ms: How long it took.
        is_late: Whether the deadline came before anything whole.
    """

    origin: View
    generation: Generation
    sources: tuple[tuple[str, int], ...] = ()
    is_ahead: bool = False
    waiters: int = 0
    error: EngineUnavailableError | None = None
    latency_ms: float | None = None
    is_late: bool = False
    asked: dict[str, Any] | None = None
    landed: asyncio.Event = field(default_factory=asyncio.Event)

    def fits(self, view: View) -> bool:
        """Tell whether its answer may serve ``view``; it is then held to what has been typed since."""
        if not self.generation.is_running or self.origin.uri != view.uri:
            return False
        if view.is_invoked and not self.origin.is_invoked:
            return False
        change = change_between(self.origin.window, view.window)
        if change is None or change.deleted or not self.generation.agrees_with(change.typed):
            return False
        self.generation.expected = change.typed
        return True


class Flights:
    """Starts, shares and stops generations."""

    def __init__(self, engine: Engine, landed: Callable[[Flight], None]) -> None:
        self._engine = engine
        self._landed = landed
        self._flights: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether any request waits for the engine now."""
        return any(flight.waiters for flight in self._flights.values())

    @property
    def is_idle(self) -> bool:
        """Whether the engine has nothing to do for us."""
        return not self._flights

    def joinable(self, view: View) -> Flight | None:
        """Return the running flight that may serve ``view``."""
        flight = self._flights.get(view.uri)
        return flight if flight is not None and flight.fits(view) else None

    def start(
        self,
        view: View,
        request: CompletionRequest,
        extent: Plan,
        sources: tuple[tuple[str, int], ...],
        *,
        is_ahead: bool = False,
        asked: dict[str, Any] | None = None,
    ) -> Flight:
        """Ask the engine; the document's former flight and everything that was computed ahead ends."""
        for uri, other in list(self._flights.items()):
            if uri == view.uri or other.is_ahead:
                other.generation.cancel()
        flight = Flight(view, Generation(self._engine, request, extent), sources, is_ahead, asked=asked)
        self._flights[view.uri] = flight
        flight.generation.start()
        task = asyncio.create_task(self._follow(flight))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def wait(self, flight: Flight, superseded: asyncio.Event) -> None:
        """Wait until the flight has landed or a newer request came, whichever is first."""
        flight.waiters += 1
        flight.is_ahead = False
        waits = [asyncio.ensure_future(flight.landed.wait()), asyncio.ensure_future(superseded.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            flight.waiters -= 1
            if flight.waiters == 0 and flight.generation.is_running:
                asyncio.get_running_loop().call_later(LINGER_S, self._drop_unwanted, flight)

    def stop(self, uri: str) -> None:
        """End the flight of a document."""
        flight = self._flights.get(uri)
        if flight is not None:
            flight.generation.cancel()

    async def aclose(self) -> None:
        """End all flights and wait for them."""
        for uri in list(self._flights):
            self.stop(uri)
        if self._tasks:
            await asyncio.wait(self._tasks)

    @staticmethod
    def _drop_unwanted(flight: Flight) -> None:
        if flight.waiters == 0 and not flight.is_ahead:
            flight.generation.cancel()

    async def _follow(self, flight: Flight) -> None:
        started = time.monotonic()
        await asyncio.wait({flight.generation.task})
        if self._flights.get(flight.origin.uri) is flight:
            del self._flights[flight.origin.uri]
        if not flight.generation.task.cancelled():
            flight.latency_ms = (time.monotonic() - started) * 1000
            error = flight.generation.task.exception()
            if error is not None:
                flight.error = unavailable(error)
            elif not flight.generation.is_off:
                self._judged(flight)
        flight.landed.set()

    def _judged(self, flight: Flight) -> None:
        """Hand the answer over; a defect of ours there must not leave those who wait for it without one."""
        try:
            self._landed(flight)
        except Exception as error:
            name = type(error).__name__
            log.error("%s at\n%s", name, frames_of(error))  # noqa: TRY400  # its message may quote the document
            flight.error = EngineUnavailableError(
                f"infill-ls failed on the model's answer ({name}); please report what its log says."
            )
