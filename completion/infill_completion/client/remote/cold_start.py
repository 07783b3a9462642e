"""Waiting for a server that loads its model: outside any deadline, and once for all requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from infill_completion.api import EngineUnavailableError
from infill_completion.client.remote.server import LOAD_S, RemoteServer

_POLL_S = 1.0


class ColdStart:
    """At most one wait at a time.

    A server that loads a model on demand aborts the load if the request that caused it is given up, so a request with a
    deadline, or one that the next keystroke cancels, would never get an answer.

    Args:
        on_end: Called on the event loop when a wait ends: with the error if it failed, or None.

    Attributes:
        failure: Why the last wait failed, if it did.
        is_certain: Whether there is reason to believe that the server loads its model.
    """

    def __init__(self, on_end: Callable[[EngineUnavailableError | None], None]) -> None:
        self.failure: EngineUnavailableError | None = None
        self.is_certain = True
        self._on_end = on_end
        self._began = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the server is waited for now."""
        return self._task is not None and not self._task.done()

    def begin(self, waiting: Callable[[], Coroutine[Any, Any, None]], *, is_certain: bool = True) -> None:
        """Run ``waiting`` until the server is ready; must not be called while one runs."""
        assert not self.is_running
        self.is_certain = is_certain
        self.failure, self._began = None, asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(waiting))

    async def settled(self, patience_s: float | None = None) -> bool:
        """Return whether no wait runs any more, at the latest ``patience_s`` after it began."""
        if self._task is not None and not self._task.done():
            waited_s = asyncio.get_running_loop().time() - self._began
            await asyncio.wait({self._task}, timeout=None if patience_s is None else max(0.0, patience_s - waited_s))
        return not self.is_running

    async def aclose(self) -> None:
        """Give up the wait."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, waiting: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await waiting()
        except EngineUnavailableError as error:
            self.failure = error
        self._on_end(self.failure)


async def bring_up(server: RemoteServer) -> None:
    """Have the model of ``server`` loaded, outside any deadline.

    Raises:
        EngineUnavailableError: The server is not there, or cannot load it.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + LOAD_S
    while True:
        try:
            if not server.is_known:
                await server.survey()
            await server.load(until - loop.time())
        except EngineUnavailableError as error:
            if not error.state.is_loading or loop.time() > until:
                raise
            await asyncio.sleep(_POLL_S)
        else:
            return
