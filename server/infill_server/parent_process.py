"""Waiting for the editor's process to end."""

from __future__ import annotations

import asyncio
import os

POLL_S = 3.0


async def wait_for_exit(process_id: int) -> None:
    """Return once the process has ended; never if it is not visible from here, for example from inside a container."""
    if not _is_alive(process_id):
        await asyncio.Event().wait()
    while _is_alive(process_id):  # noqa: ASYNC110  (there is no event to wait for)
        await asyncio.sleep(POLL_S)


def _is_alive(process_id: int) -> bool:
    if process_id <= 0:  # Not a process: the system takes such a number for a group of them.
        return False
    if os.name == "nt":
        return _is_alive_on_windows(process_id)
    try:
        os.kill(process_id, 0)
    except (ProcessLookupError, OverflowError):  # the latter for a number that no process can have
        return False
    except OSError:  # the process belongs to another user
        return True
    return True


def _is_alive_on_windows(process_id: int) -> bool:
    """Return whether the process is alive; on Windows ``os.kill`` would end it."""
    import ctypes

    synchronize, timed_out = 0x0010_0000, 0x102
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(synchronize, False, process_id)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == timed_out)
    finally:
        kernel.CloseHandle(handle)
