"""The engine of this machine, shared by all windows: connected to where it runs, started where it does not."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from infill_completion.api import Chunk, CompletionRequest, EngineState, EngineUnavailableError, FinishReason, Health
from infill_completion.client.engine import EngineClient, EngineGoneError, EngineLateError
from infill_completion.client.launch import died, engine_command, spawn
from infill_completion.client.run_directory import EnginePaths, RunDirectoryError, engine_paths
from infill_completion.client.supervisor import Contact
from infill_completion.settings import EngineSettings

# From the start of the process to its first answer; the load comes after that and has no deadline.
_START_S = 30.0
_POLL_S = 0.1
# How long the first request waits to hear from an engine that may already be there.
_FIRST_CONTACT_S = 1.0
_SILENT = "The engine does not answer; it is started again if it hangs."
# An engine that failed is started again by a request, but not more often than this.
_RETRY_S = (2.0, 10.0, 30.0, 120.0, 600.0)

OnHealth = Callable[[Health], None]


class LocalEngine:
    """Connects to the shared engine, starts it where there is none, and again where it died.

    Implements :class:`infill_completion.api.Engine`.  A request never waits for the model to load: it is refused with
    the state at once, while a task of this object brings the engine up.

    Args:
        settings: The engine to talk to.
        on_health: Told of every change of state or progress, on the event loop.
    """

    def __init__(self, settings: EngineSettings, on_health: OnHealth | None = None) -> None:
        self._settings = settings
        self._on_health = on_health or (lambda _health: None)
        self._health = Health(EngineState.STARTING, model=settings.model)
        self._contact = Contact()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_bytes = 0  # before the process wrote to it
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._failures = 0
        self._failed_at = 0.0
        self._failed_pid: int | None = None
        self._told: tuple[object, ...] = ()

    @property
    def last_health(self) -> Health:
        """The last state that was heard of, without asking."""
        return self._health

    async def start(self) -> None:
        """Connect or start, and return when the model is loaded or could not be."""
        self._bring_up()
        await self._settled()

    async def wait_ready(self, timeout_s: float) -> Health:
        """Connect or start, and return the state when the model is loaded, could not be, or time is up."""
        self._bring_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled(), timeout_s)
        return self._health

    async def health(self) -> Health:
        """Ask the engine for its state now.

        Raises:
            EngineUnavailableError: It does not run.
        """
        return await self._contact.client.health()

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks; see :class:`infill_completion.api.Engine`."""
        if self._health.state is not EngineState.READY:
            await self._first_contact()
        if self._health.state is not EngineState.READY:
            raise _unavailable(self._health)
        client, is_silent = self._contact.client, True
        try:
            stream = client.complete(request)
            async with contextlib.aclosing(stream) as chunks:
                async for chunk in chunks:
                    if is_silent:
                        is_silent = False
                        self._contact.heard()
                    yield chunk
        except EngineLateError:
            self._note_lateness(is_silent=is_silent)
            for index in range(request.n):
                yield Chunk(index, finish_reason=FinishReason.DEADLINE)
        except EngineGoneError as error:
            await self._lost(client)
            raise _unavailable(self._health) from error
        except EngineUnavailableError as error:
            if error.state is not EngineState.FAILED:  # the weights were unloaded and load again now
                self._report(replace(self._health, state=error.state, progress=None))
                self._bring_up()
            raise

    async def aclose(self) -> None:
        """Let go of the engine, which goes on for other windows until it is idle."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._contact.drop()

    async def _first_contact(self) -> None:
        """Begin to bring the engine up; wait only until something is known about it."""
        if self._task is None or self._task.done():
            if self._health.state is EngineState.FAILED and not self._may_retry():
                return
            self._heard.clear()
            self._bring_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), _FIRST_CONTACT_S)

    def _note_lateness(self, *, is_silent: bool) -> None:
        """Look after an engine that let several deadlines in a row pass without a word."""
        if is_silent:
            self._contact.not_heard()
        if self._contact.is_suspicious:
            self._report(replace(self._health, state=EngineState.LOADING, reason=_SILENT, progress=None))
            self._bring_up()

    def _may_retry(self) -> bool:
        wait_s = _RETRY_S[min(self._failures, len(_RETRY_S)) - 1]
        return time.monotonic() - self._failed_at >= wait_s

    async def _settled(self) -> None:
        if self._task is not None:
            await asyncio.shield(self._task)

    def _bring_up(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._up())

    async def _up(self) -> None:
        try:
            await self._until_settled(engine_paths(self._settings))
        except RunDirectoryError as error:
            self._fail(str(error))
        except EngineUnavailableError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(f"The engine could not be started ({error}); run `infill-ls doctor`.")
        finally:
            self._heard.set()

    async def _until_settled(self, paths: EnginePaths) -> None:
        """Connect, else start and try again, then follow the load to its end."""
        until = time.monotonic() + _START_S
        while True:
            health = await self._contact.state(paths, self._health)
            if health is not None:
                until = time.monotonic() + _START_S
                self._report(health)
                if health.state is EngineState.READY:
                    self._failures = 0
                    self._contact.heard()
                    self._process = None  # how it ends one day is no reason not to start the next
                    return
                if health.state is EngineState.FAILED:
                    self._fail(health.reason, health)
                    return
            else:
                self._start_process(paths)
                if time.monotonic() > until:
                    raise EngineUnavailableError(f"The engine did not answer within {_START_S:.0f} s; see {paths.log}.")
            self._heard.set()
            await asyncio.sleep(_POLL_S)

    def _start_process(self, paths: EnginePaths) -> None:
        """Start the engine unless one is on its way.

        Raises:
            EngineUnavailableError: The one that was on its way ended with an error.
        """
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            if code != 0:
                raise EngineUnavailableError(died(paths, code, self._log_bytes))
        self._report(replace(self._health, state=EngineState.STARTING, reason="", progress=None, pid=None))
        self._log_bytes = paths.log.stat().st_size if paths.log.exists() else 0
        self._process = spawn(engine_command(self._settings), paths)

    async def _lost(self, client: EngineClient) -> None:
        """Start the next engine in the place of ``client``'s; the first request that misses it does so for all."""
        if not self._contact.is_with(client):
            return
        await self._contact.drop()
        self._report(Health(EngineState.STARTING, model=self._health.model))
        self._bring_up()

    def _fail(self, reason: str, health: Health | None = None) -> None:
        pid = health.pid if health else None
        # An engine that failed goes on answering for a while; hearing it again is no further failure.
        self._failures += pid is None or pid != self._failed_pid
        self._failed_pid = pid
        self._failed_at = time.monotonic()
        base = health or replace(self._health, pid=None)
        self._report(replace(base, state=EngineState.FAILED, reason=reason, progress=None))

    def _report(self, health: Health) -> None:
        self._health = health
        if (shown := _shown(health)) != self._told:
            self._told = shown
            self._on_health(health)


def _unavailable(health: Health) -> EngineUnavailableError:
    if health.state is EngineState.FAILED:
        return EngineUnavailableError(health.reason, EngineState.FAILED)
    percent = "" if health.progress is None else f" ({health.progress:.0%})"
    return EngineUnavailableError(f"The model is loading{percent}.", EngineState.LOADING)


def _shown(health: Health) -> tuple[object, ...]:
    """Return what of ``health`` a user sees: the details change all the time."""
    percent = None if health.progress is None else round(health.progress * 100)
    return (health.state, health.model, health.reason, percent, health.pid)
