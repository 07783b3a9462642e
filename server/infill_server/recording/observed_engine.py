"""An engine whose requests and chunks are reported to an observer, in the order in which the server sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Protocol

from infill_completion.api import Chunk, CompletionRequest, Engine, EngineUnavailableError


class StartedEngine(Engine, Protocol):
    """An engine that is started in the background and closed at the end."""

    async def start(self) -> None:
        """Connect, or start a process."""

    async def aclose(self) -> None:
        """Close the connection."""


class EngineEvents(Protocol):
    """Observes requests to the engine and its answers; may delay either before it passes on."""

    async def asked(self, request: CompletionRequest) -> tuple[int, CompletionRequest]:
        """Return the number of a request, and the request as the engine gets it."""

    async def chunk(self, number: int, index: int, chunk: Chunk) -> None:
        """Record chunk number ``index`` (from 0) of a request."""

    def over(self, number: int, how: str, error: str = "") -> None:
        """Record the end of a request: ``ended``, ``closed`` by the server, or ``failed`` with an error."""


class ObservedEngine:
    """Passes everything on to ``inner``; implements :class:`infill_completion.api.Engine`."""

    def __init__(self, inner: StartedEngine, events: EngineEvents) -> None:
        self._inner = inner
        self._events = events

    async def start(self) -> None:
        """Start the engine."""
        await self._inner.start()

    async def aclose(self) -> None:
        """Close the engine's connection."""
        await self._inner.aclose()

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the engine's chunks."""
        number, request = await self._events.asked(request)
        index, how, error = 0, "closed", ""
        try:
            stream = self._inner.complete(request)
            async with contextlib.aclosing(stream) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    await self._events.chunk(number, index, chunk)
                    index += 1
                    yield chunk
            how = "ended"
        except EngineUnavailableError as failure:
            how, error = "failed", str(failure)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as failure:
            how, error = "failed", type(failure).__name__
            raise
        finally:
            self._events.over(number, how, error)
