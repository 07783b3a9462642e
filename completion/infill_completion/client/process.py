"""Who holds an engine's lock, and how that process is ended when it no longer listens to anybody."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from infill_completion.client.run_directory import EnginePaths, read_card

# A process that is stopped, or that never leaves a call, does not hear SIGTERM.
TERM_S = 5.0
KILL_S = 5.0
_POLL_S = 0.05
_NAME = b"infill_completion.engine"


def holder(paths: EnginePaths) -> int | None:
    """Return the process id of the engine that holds the lock of ``paths``; None where nobody does."""
    if sys.platform == "win32":
        card = read_card(paths)
        return None if card is None else card.pid
    import fcntl

    try:
        with paths.lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())  # whoever takes the lock writes its number
            return None
    except (OSError, ValueError):
        return None


async def ended(paths: EnginePaths, pid: int) -> bool:
    """End the process ``pid`` if it is the engine that holds the lock of ``paths``, and tell whether it is gone.

    It is asked with SIGTERM first, which lets it take its files away.
    """
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)
    for number, patience_s in ((signal.SIGTERM, TERM_S), (kill, KILL_S)):
        if holder(paths) != pid:
            return True
        if not _is_engine(pid):
            return False
        with contextlib.suppress(OSError):
            os.kill(pid, number)
        until = asyncio.get_running_loop().time() + patience_s
        while holder(paths) == pid and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
    return holder(paths) != pid


def is_stopped(pid: int) -> bool:
    """Tell whether a process was stopped from outside, where the system says so."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {b"T", b"t"}


def _is_engine(pid: int) -> bool:
    """Tell whether ``pid`` is still the number of an engine, where the system says what its processes run."""
    if not Path("/proc/self/cmdline").exists():
        return True
    try:
        return _NAME in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
