"""The engine's process as the operating system sees it: which one holds the lock, and how to terminate it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.run_directory import EnginePaths

# A process that is stopped, or stuck inside a call, does not react to SIGTERM.
TERM_S = 5.0
KILL_S = 5.0
_POLL_S = 0.05
_NAME = b"infill_completion.engine"


def lock_holder(paths: EnginePaths) -> int | None:
    """Return the process id of the engine that holds the lock of ``paths``, or None if the lock is free."""
    if sys.platform == "win32":
        info = read_connection_file(paths)
        return None if info is None else info.pid
    import fcntl

    try:
        with paths.lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())  # the engine writes its process id when it takes the lock
            return None
    except (OSError, ValueError):
        return None


async def terminate(paths: EnginePaths, pid: int) -> bool:
    """Terminate process ``pid`` if it is the engine that holds the lock of ``paths``; return whether it is gone.

    SIGTERM comes first, because it lets the engine remove its files; SIGKILL follows after ``TERM_S``.
    """
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)
    for number, patience_s in ((signal.SIGTERM, TERM_S), (kill, KILL_S)):
        if lock_holder(paths) != pid:
            return True
        if not _is_engine(pid):
            return False
        with contextlib.suppress(OSError):
            os.kill(pid, number)
        until = asyncio.get_running_loop().time() + patience_s
        while lock_holder(paths) == pid and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
    return lock_holder(paths) != pid


def is_stopped(pid: int) -> bool:
    """Return whether a signal has stopped the process; False on systems without ``/proc``."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {b"T", b"t"}


def _is_engine(pid: int) -> bool:
    """Return whether ``pid`` still belongs to an engine; True on systems without ``/proc``."""
    if not Path("/proc/self/cmdline").exists():
        return True
    try:
        return _NAME in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
