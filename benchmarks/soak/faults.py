"""What goes wrong during a soak test, at random times."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from benchmarks.soak.tally import Tally
from benchmarks.soak.window import Window
from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.run_directory import EnginePaths, engine_paths
from infill_completion.settings import EngineSettings

INTERVAL_S = (4.0, 25.0)
STOPPED_S = (0.5, 12.0)
_REQUEST = b'POST /v1/completions HTTP/1.1\r\nHost: engine\r\nContent-Length: 90\r\n\r\n{"prompt": "half of a req'


class Faults:
    """Kills and stops engines and servers, and disturbs their connections."""

    def __init__(self, windows: Sequence[Window], seed: int, tally: Tally) -> None:
        self._windows = windows
        self._rng = random.Random(seed)
        self._tally = tally

    @property
    def paths(self) -> EnginePaths:
        """The files of the engine that all windows share."""
        return engine_paths(EngineSettings())

    def engine_pid(self) -> int | None:
        """Return the process id of the engine that runs now."""
        info = read_connection_file(self.paths)
        return None if info is None else info.pid

    async def happen(self, until_s: float) -> None:
        """Let faults happen until the monotonic clock says ``until_s``."""
        while (left_s := until_s - time.monotonic()) > 0:
            await asyncio.sleep(min(self._rng.uniform(*INTERVAL_S), left_s))
            fault = self._rng.choices(
                [self._kill_engine, self._stop_engine, self._end_engine, self._half_requests, self._kill_server],
                [3, 3, 2, 4, 2],
            )[0]
            with suppress(OSError):
                await fault()

    async def _kill_engine(self) -> None:
        self._signal(signal.SIGKILL, "engine killed")

    async def _end_engine(self) -> None:
        self._signal(signal.SIGTERM, "engine ended")

    async def _stop_engine(self) -> None:
        pid = self._signal(signal.SIGSTOP, "engine stopped")
        await asyncio.sleep(self._rng.uniform(*STOPPED_S))
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def _half_requests(self) -> None:
        """Send half of a request to the engine, some times, and hang up."""
        if self.paths.socket is None:
            return
        for _ in range(self._rng.randrange(1, 20)):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                with suppress(OSError):
                    client.connect(str(self.paths.socket))
                    client.sendall(_REQUEST[: self._rng.randrange(len(_REQUEST))])
        self._tally.counts["connections dropped"] += 1

    async def _kill_server(self) -> None:
        await self._rng.choice(self._windows[len(self._windows) // 2 :]).kill_server()
        self._tally.counts["server killed"] += 1

    def _signal(self, number: signal.Signals, name: str) -> int | None:
        pid = self.engine_pid()
        if pid is not None:
            os.kill(pid, number)
            self._tally.counts[name] += 1
        return pid
