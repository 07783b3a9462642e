"""Shutting down the shared engine, and leaving one that the settings no longer name."""

from __future__ import annotations

import asyncio
import contextlib

from infill_completion.api import EngineUnavailableError
from infill_completion.client.connection_file import read_connection_file
from infill_completion.client.engine import EngineClient, EngineGoneError, address_of
from infill_completion.client.process import lock_holder, terminate
from infill_completion.client.run_directory import EnginePaths, RunDirectoryError, engine_paths
from infill_completion.settings import EngineSettings

# Importing torch can keep an engine from answering for several seconds.
ANSWER_DEADLINE_S = 8.0
# A running request is cancelled at the next token.  A load cannot be interrupted; it ends with the process.  Both take
# less time than this.
STOP_DEADLINE_S = 15.0
_POLL_S = 0.05


async def shut_down(paths: EnginePaths, pid: int | None) -> bool:
    """Ask the engine of ``paths`` to end, wait for it, and terminate its process ``pid`` if that does not help.

    Returns:
        Whether the engine is gone.
    """
    address = address_of(paths)
    if address is not None and await _ask_to_end(EngineClient(address)) and await _wait_until_gone(paths, pid):
        return True
    return pid is not None and await terminate(paths, pid)


async def end_engine(settings: EngineSettings) -> None:
    """Shut down the local engine of ``settings``, even a hanging one, and wait until it is gone.

    The next one may use its device, even if it has failed.  A remote engine is not ours, so it is left running.
    """
    if settings.url is not None:
        return
    try:
        paths = engine_paths(settings)
        info, address = read_connection_file(paths), address_of(paths)
    except RunDirectoryError:
        return
    if info is not None and address is not None:
        await shut_down(paths, info.pid)
    with contextlib.suppress(OSError):
        paths.device_failures.unlink(missing_ok=True)


async def leave_engine(former: EngineSettings, now: EngineSettings) -> None:
    """Leave the local engine of ``former`` for that of ``now``.

    If no other window uses the former engine it ends, and this waits for it: the next model needs the memory.
    """
    if former.url is not None:
        return
    try:
        paths = engine_paths(former)
        if now.url is None and engine_paths(now) == paths:
            return
        info, address = read_connection_file(paths), address_of(paths)
    except RunDirectoryError:
        return
    if info is None or address is None:
        return
    client = EngineClient(address, as_window=True)
    try:
        if await client.leave(ANSWER_DEADLINE_S):
            await _wait_until_gone(paths, info.pid)
    except EngineUnavailableError:
        return  # it is gone, or too busy; in that case it ends when its idle time is over
    finally:
        await client.aclose()


async def _ask_to_end(client: EngineClient) -> bool:
    """Ask an engine to end; return whether waiting for it makes sense."""
    try:
        await client.shutdown(ANSWER_DEADLINE_S)
    except EngineGoneError:
        return True
    except EngineUnavailableError:
        return False
    finally:
        await client.aclose()
    return True


async def _wait_until_gone(paths: EnginePaths, pid: int | None) -> bool:
    """Wait until an engine has ended, at most ``STOP_DEADLINE_S``; return whether it has.

    The last thing it does is to remove its connection file, unless the next engine has already put its own there.  A
    killed engine leaves that file behind, but not its lock.
    """
    until = asyncio.get_running_loop().time() + STOP_DEADLINE_S
    while (info := read_connection_file(paths)) is not None and info.pid == pid == lock_holder(paths):
        if asyncio.get_running_loop().time() > until:
            return False
        await asyncio.sleep(_POLL_S)
    return True
