"""The local engine, shared by all windows: connects to it if it runs, and starts it if it does not."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from infill_completion.api import (
    Chunk,
    CompletionRequest,
    EngineState,
    EngineUnavailableError,
    FinishReason,
    Health,
    HeldTexts,
    TextUpdate,
)
from infill_completion.client.backoff import Backoff
from infill_completion.client.engine import EngineClient, EngineGoneError, EngineLateError
from infill_completion.client.launch import engine_command, exit_message, spawn
from infill_completion.client.run_directory import EnginePaths, RunDirectoryError, engine_paths
from infill_completion.client.supervisor import EngineSupervisor
from infill_completion.settings import EngineSettings

# From the start of the process to its first answer.  The load comes after that and has no deadline.
_START_S = 30.0
_POLL_S = 0.1
_MOST_QUIET_ENDS = 5
# How long the first request waits for an engine that may already run.
_FIRST_ANSWER_S = 1.0
_SILENT = "The engine does not answer; it is started again if it hangs."
# A request starts an engine that failed again, but no sooner than this: a load is expensive.
_RETRY_S = (2.0, 10.0, 30.0, 120.0, 600.0)

OnHealth = Callable[[Health], None]


class LocalEngine:
    """Connects to the shared engine, starts it if none runs, and restarts it if it died.

    Implements :class:`infill_completion.api.Engine`.  A request never waits for the model to load: it is refused at
    once with the engine's state, while a background task brings the engine up.

    Args:
        settings: The engine to talk to.
        on_health: Called on the event loop with every change of state or progress.
    """

    def __init__(self, settings: EngineSettings, on_health: OnHealth | None = None) -> None:
        self._settings = settings
        self._on_health = on_health or (lambda _health: None)
        self._health = Health(EngineState.STARTING, model=settings.model)
        self._supervisor = EngineSupervisor()
        self._backoff = Backoff(_RETRY_S)
        self._process: subprocess.Popen[bytes] | None = None
        self._quiet_ends = 0  # of processes that were started since the engine was last there
        self._log_bytes = 0  # size of the log before the process wrote to it
        self._task: asyncio.Task[None] | None = None
        self._is_known = asyncio.Event()
        self._failed_pid: int | None = None
        self._reported: tuple[object, ...] = ()

    @property
    def last_health(self) -> Health:
        """The last known state."""
        return self._health

    @property
    def edit_format(self) -> str:
        """Family of the next-edit format of the model that is loaded; see `infill_completion.api.Rewriter`."""
        return str(self._health.details.get("edit_format") or "") if self._health.state is EngineState.READY else ""

    async def start(self) -> None:
        """Connect or start; return when the model is loaded or has failed to load."""
        self._bring_up()
        await self._settled()

    async def wait_ready(self, timeout_s: float) -> Health:
        """Connect or start; return the health when the model is loaded, has failed to load, or time is up."""
        self._bring_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled(), timeout_s)
        return self._health

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks; see :class:`infill_completion.api.Engine`."""
        if self._health.state is not EngineState.READY:
            await self._first_answer()
        if self._health.state is not EngineState.READY:
            raise self._health.unavailable()
        client, is_silent = self._supervisor.client, True
        try:
            stream = client.complete(request)
            async with contextlib.aclosing(stream) as chunks:
                async for chunk in chunks:
                    if is_silent:
                        is_silent = False
                        self._supervisor.answered()
                    yield chunk
        except EngineLateError:
            self._note_lateness(is_silent=is_silent)
            for index in range(request.n):
                yield Chunk(index, finish_reason=FinishReason.DEADLINE)
        except EngineGoneError as error:
            await self._lost(client)
            raise self._health.unavailable() from error
        except EngineUnavailableError as error:
            if error.state is not EngineState.FAILED:  # the weights were unloaded and load again now
                self._report(replace(self._health, state=error.state, progress=None))
                self._bring_up()
            raise

    async def hold(self, update: TextUpdate) -> HeldTexts:
        """Send texts of a workspace to the engine; see :class:`infill_completion.api.TextHolder`.

        The engine is neither started nor woken for this.
        """
        if self._health.state is not EngineState.READY:
            raise self._health.unavailable()
        return await self._supervisor.client.hold(update)

    async def aclose(self) -> None:
        """Disconnect from the engine, which keeps running for other windows until it is idle."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._supervisor.disconnect()

    async def _first_answer(self) -> None:
        """Begin to bring the engine up; wait only until its state is known."""
        if self._task is None or self._task.done():
            if self._health.state is EngineState.FAILED and self._backoff.is_waiting:
                return
            self._is_known.clear()
            self._bring_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_known.wait(), _FIRST_ANSWER_S)

    def _note_lateness(self, *, is_silent: bool) -> None:
        """Check on an engine that missed several deadlines in a row without a byte."""
        if is_silent:
            self._supervisor.silences.missed()
        if self._supervisor.silences.is_suspicious:
            self._report(replace(self._health, state=EngineState.LOADING, reason=_SILENT, progress=None))
            self._bring_up()

    async def _settled(self) -> None:
        if self._task is not None:
            await asyncio.shield(self._task)

    def _bring_up(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._up())

    async def _up(self) -> None:
        self._quiet_ends = 0
        try:
            await self._until_settled(engine_paths(self._settings))
        except RunDirectoryError as error:
            self._fail(str(error))
        except EngineUnavailableError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(f"The engine could not be started ({error}); run `infill-ls doctor`.")
        finally:
            self._is_known.set()

    async def _until_settled(self, paths: EnginePaths) -> None:
        """Connect, or else start the engine and try again; then follow the load to its end."""
        until = time.monotonic() + _START_S
        while True:
            health = await self._supervisor.check(paths, self._health)
            if health is not None:
                until = time.monotonic() + _START_S
                self._report(health)
                if health.state is EngineState.READY:
                    self._backoff.succeeded()
                    self._supervisor.answered()
                    self._process = None  # its exit code must not keep the next one from starting
                    return
                if health.state is EngineState.FAILED:
                    self._fail(health.reason, health)
                    return
            else:
                self._start_process(paths)
                if time.monotonic() > until:
                    raise EngineUnavailableError(f"The engine did not answer within {_START_S:.0f} s; see {paths.log}.")
            self._is_known.set()
            await asyncio.sleep(_POLL_S)

    def _start_process(self, paths: EnginePaths) -> None:
        """Start the engine unless one is starting already.

        Raises:
            EngineUnavailableError: The one that was starting ended with an error.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            self._quiet_ends += code == 0  # as one does that finds another engine there
            if code != 0 or self._quiet_ends > _MOST_QUIET_ENDS:
                raise EngineUnavailableError(exit_message(paths, code, self._log_bytes))
        self._report(replace(self._health, state=EngineState.STARTING, reason="", progress=None, pid=None))
        self._log_bytes = paths.log.stat().st_size if paths.log.exists() else 0
        self._process = spawn(engine_command(self._settings), paths)

    async def _lost(self, client: EngineClient) -> None:
        """Replace the engine of ``client``, which is gone; only the first request that notices does so."""
        if not self._supervisor.is_current(client):
            return
        await self._supervisor.disconnect()
        self._report(Health(EngineState.STARTING, model=self._health.model))
        self._bring_up()

    def _fail(self, reason: str, health: Health | None = None) -> None:
        pid = health.pid if health else None
        # An engine that failed keeps answering for a while; asking it again is not another failure.
        self._backoff.failed(is_repeated=pid is not None and pid == self._failed_pid)
        self._failed_pid = pid
        base = health or replace(self._health, pid=None)
        self._report(replace(base, state=EngineState.FAILED, reason=reason, progress=None))

    def _report(self, health: Health) -> None:
        self._health = health
        if (shown := _shown(health)) != self._reported:
            self._reported = shown
            self._on_health(health)


def _shown(health: Health) -> tuple[object, ...]:
    """Return the parts of ``health`` that a user sees; its details change all the time."""
    percent = None if health.progress is None else round(health.progress * 100)
    return (health.state, health.model, health.reason, percent, health.pid)
