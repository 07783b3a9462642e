"""Lets the model learn the workspace's repository while the user does nothing; `engine.learn` turns it on.

An engine process of the lowest priority learns (``infill_completion.engine learn``).  A request of the user in any
window halts it within a fraction of a second, and it goes on when the user has been idle for a while again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infill_server.learning.adapters import LearnedAdapters, learned_adapters, top_of

if TYPE_CHECKING:
    from infill_completion.settings import EngineSettings, Settings

log = logging.getLogger(__name__)

IDLE_S = 120.0  # without a request, before learning begins or goes on
POLL_S = 10.0
WATCH_S = 0.25  # between two looks for requests in other windows, while the model learns
AGAIN_S = 24 * 3600.0  # between two attempts in a repository
DOUBT_S = 600.0  # the same where a rule about private files has changed
MAX_LOAD_SHARE = 0.5  # of the cores, by other programs
_END_S = 5.0
_REQUESTED = "requested"  # the file in the folder of what was learned whose time tells other windows of requests
_FEWEST_THREADS = 2  # as in the process that learns
_TOUCH_S = 1.0  # between two changes of it


class IdleLearning:
    """Learning of one window.

    Args:
        settings: Returns the current settings.
        roots: Returns the folders of the workspace.
        on_learned: Called when what is to be used may have changed: a process has ended, whose result may be better, or
            private by now and gone; another process has learned, a user has deleted what was learned, or a rule about
            private files has changed.  It may be called when nothing has.
        in_use: Returns the settings of the engine in use; None for no engine.
        clock: Returns the seconds of a clock that only goes on.
        is_busy: Returns whether other programs use the machine, given whether ours learns.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        roots: Callable[[], Sequence[Path]],
        on_learned: Callable[[], None],
        in_use: Callable[[], EngineSettings | None],
        *,
        clock: Callable[[], float] = time.monotonic,
        is_busy: Callable[[bool], bool] | None = None,
    ) -> None:
        self._settings, self._roots, self._on_learned, self._in_use = settings, roots, on_learned, in_use
        self._clock, self._is_busy = clock, is_busy or _is_busy
        self._last_request = clock()
        self._touched_s = clock() - _TOUCH_S
        self._stamp: int | None = None
        self._attempts: dict[tuple[str, ...], float] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._command: tuple[str, ...] = ()  # of the process
        self._is_halted = False

    def requested(self) -> None:
        """Notice a request of the user, which learning must not slow down."""
        self._last_request = now = self._clock()
        if self._process is not None and not self._is_halted:
            self._order("pause")
        if now - self._touched_s >= _TOUCH_S and self._settings().engine.learn:
            self._touched_s = now
            self._stamp = _stamp(is_new=True)

    def watch(self) -> None:
        """Notice a request of the user in another window."""
        if (stamp := _stamp()) != self._stamp:
            self._stamp = stamp
            self._last_request = self._clock()
            if self._process is not None and not self._is_halted:
                self._order("pause")

    async def run(self) -> None:
        """Learn whenever the user is idle, until cancelled."""
        try:
            while True:
                await self._rest()
                await self.look()
        finally:
            await self.aclose()

    async def _rest(self) -> None:
        """Wait until the next look; requests in other windows halt the process sooner."""
        if self._process is None:
            await asyncio.sleep(POLL_S)
            return
        for _ in range(max(1, round(POLL_S / WATCH_S))):
            await asyncio.sleep(WATCH_S)
            self.watch()

    async def look(self) -> None:
        """Start, continue, halt or end learning, as the moment asks for."""
        settings = self._settings()
        if not settings.engine.learn or settings.engine.url is not None:
            await self.aclose()
            return
        self.watch()
        is_idle = self._clock() - self._last_request >= IDLE_S
        adapters = await asyncio.to_thread(learned_adapters, settings, self._roots())
        self._look_at_adapter(adapters, is_idle=is_idle)
        if self._process is not None and self._process.returncode is not None:
            self._ended(self._process)
        elif self._process is not None and self._command not in self._commands(settings).values():
            await self.aclose()  # other files are private, or another model is to learn
            self._attempts.pop(self._command, None)
        elif self._process is not None:
            self._halt_or_continue(is_idle=is_idle)
        elif (
            is_idle and (root := self._next_root(settings, adapters.in_doubt)) is not None and not self._is_busy(False)
        ):
            await self._start(settings, root)

    def _look_at_adapter(self, adapters: LearnedAdapters, *, is_idle: bool) -> None:
        """Notice what others learned or deleted; a new adapter waits for a time in which nobody misses the engine."""
        engine, settings = self._in_use(), self._settings().engine
        if engine is None or settings.adapter is not None:
            return
        wanted = adapters.permitted[0] if adapters.permitted else None
        is_forbidden = engine.adapter is not None and engine.adapter not in adapters.permitted
        if is_forbidden or (is_idle and engine.adapter != wanted):
            self._on_learned()

    def _halt_or_continue(self, *, is_idle: bool) -> None:
        if self._is_halted and is_idle and not self._is_busy(False):
            self._order("go")
        elif not self._is_halted and self._is_busy(True):
            self._order("pause")

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

    def _commands(self, settings: Settings) -> dict[Path, tuple[str, ...]]:
        """Return the command for each repository of the workspace."""
        from infill_completion.client.launch import learn_command

        roots = self._roots()
        tops = dict.fromkeys(top_of(root) for root in roots)
        return {top: tuple(learn_command(settings, top, roots, ordered=True, only_new=True)) for top in tops}

    def _next_root(self, settings: Settings, in_doubt: frozenset[Path]) -> Path | None:
        """Return a repository in which no attempt was made lately; with other settings it is another attempt.

        After a change of a rule about private files a process looks soon at what was learned.
        """
        now = self._clock()
        for top, command in self._commands(settings).items():
            last_s = self._attempts.get(command)
            if last_s is None or now - last_s >= (DOUBT_S if top in in_doubt else AGAIN_S):
                return top
        return None

    async def _start(self, settings: Settings, root: Path) -> None:
        from infill_completion.catalog.learned import prepared_learned_folder
        from infill_completion.client.launch import engine_environment

        self._command = self._commands(settings)[root]
        self._attempts[self._command] = self._clock()
        self._is_halted = False
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
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


def _stamp(*, is_new: bool = False) -> int | None:
    """Return the time of the last request in any window, which ``is_new`` sets to now; None if there is none."""
    from infill_completion.catalog.learned import learned_folder

    file = learned_folder() / _REQUESTED
    try:
        if is_new:
            file.touch(mode=0o600)
        return file.stat().st_mtime_ns
    except OSError:  # as long as nothing was ever learned, there is no folder, and nothing to halt
        return None


def _is_busy(is_learning: bool) -> bool:
    try:
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
    except (OSError, AttributeError):  # Windows, where the lowest priority must do
        return False
    own = max(_FEWEST_THREADS, cores // 2) if is_learning else 0
    return load - own > MAX_LOAD_SHARE * cores
