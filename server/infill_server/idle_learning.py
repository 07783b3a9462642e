"""Lets the model learn the workspace's repository while the user does nothing; `engine.learn` turns it on.

An engine process of the lowest priority learns (``infill_completion.engine learn``).  A request of the user halts it
within a fraction of a second, and it goes on when the user has been idle for a while again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infill_completion.settings import Settings

log = logging.getLogger(__name__)

IDLE_S = 120.0  # without a request, before learning begins or goes on
POLL_S = 10.0
AGAIN_S = 24 * 3600.0  # between two attempts in a repository
MAX_LOAD_SHARE = 0.5  # of the cores, by other programs
_END_S = 5.0


def with_learned(settings: Settings, roots: Sequence[Path]) -> Settings:
    """Return settings that name the adapter of the workspace's repository, if they ask for it and there is one.

    Several folders of a workspace can lie in several repositories; the first that has an adapter counts.
    """
    engine = settings.engine
    if not engine.learn or engine.adapter is not None or engine.url is not None:
        return settings
    from infill_completion.catalog.learned import adapter_path

    found = next(filter(None, (adapter_path(_top(root)) for root in roots)), None)
    return settings if found is None else replace(settings, engine=replace(engine, adapter=str(found)))


def _top(folder: Path) -> Path:
    from infill_completion.privacy.git.repository import repository_of

    return repository_of(folder / "file") or folder


class IdleLearning:
    """Learning of one window.

    Args:
        settings: Returns the current settings.
        roots: Returns the folders of the workspace.
        on_learned: Called when a process has ended: what was learned may be better, or private by now and gone.
        clock: Returns the seconds of a clock that only goes on.
        is_busy: Returns whether other programs use the machine.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        roots: Callable[[], Sequence[Path]],
        on_learned: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        is_busy: Callable[[], bool] | None = None,
    ) -> None:
        self._settings, self._roots, self._on_learned = settings, roots, on_learned
        self._clock, self._is_busy = clock, is_busy or _is_busy
        self._last_request = clock()
        self._attempts: dict[Path, float] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._is_halted = False

    def requested(self) -> None:
        """Notice a request of the user, which learning must not slow down."""
        self._last_request = self._clock()
        if self._process is not None and not self._is_halted:
            self._order("pause")

    async def run(self) -> None:
        """Learn whenever the user is idle, until cancelled."""
        try:
            while True:
                await asyncio.sleep(POLL_S)
                await self.look()
        finally:
            await self.aclose()

    async def look(self) -> None:
        """Start, continue or end learning, as the moment asks for."""
        settings = self._settings()
        if not settings.engine.learn or settings.engine.url is not None:
            await self.aclose()
        elif self._process is not None and self._process.returncode is not None:
            self._ended(self._process)
        elif self._clock() - self._last_request < IDLE_S:
            return
        elif self._process is not None:
            if self._is_halted:
                self._order("go")
        elif (root := self._next_root()) is not None and not self._is_busy():
            await self._start(settings, root)

    async def aclose(self) -> None:
        """End the process; what it has learned so far is lost."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await process.wait()

    def _next_root(self) -> Path | None:
        now = self._clock()
        tops = dict.fromkeys(_top(root) for root in self._roots())
        return next((top for top in tops if now - self._attempts.get(top, -AGAIN_S) >= AGAIN_S), None)

    async def _start(self, settings: Settings, root: Path) -> None:
        from infill_completion.catalog.learned import prepared_learned_folder
        from infill_completion.client.launch import engine_environment, learn_command

        self._attempts[root] = self._clock()
        self._is_halted = False
        try:
            self._process = await asyncio.create_subprocess_exec(
                *learn_command(settings, root, self._roots(), ordered=True),
                cwd=prepared_learned_folder(),  # not the workspace, where Windows would look for programs
                env=engine_environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            log.warning("learning could not start (%s)", error.strerror)

    def _ended(self, process: asyncio.subprocess.Process) -> None:
        self._process = None
        self._on_learned()
        if process.returncode != 0:
            log.info("nothing was learned; `infill-ls learn now` says why")

    def _order(self, word: str) -> None:
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(f"{word}\n".encode())
            self._is_halted = word == "pause"


def _is_busy() -> bool:
    try:
        return os.getloadavg()[0] > MAX_LOAD_SHARE * (os.cpu_count() or 1)
    except (OSError, AttributeError):  # Windows, where the lowest priority must do
        return False
