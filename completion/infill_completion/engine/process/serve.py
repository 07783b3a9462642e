"""The life of an engine process: one lock, one socket, one worker, one HTTP server."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from typing import Any

from infill_completion.catalog import ModelSpeed
from infill_completion.client.connection_file import write_connection_file
from infill_completion.client.run_directory import EnginePaths, RunDirectoryError, engine_paths
from infill_completion.engine.errors import ServeError
from infill_completion.engine.process.listener import Listener, connection_info, is_connectable, listening
from infill_completion.engine.process.lock import FileLock
from infill_completion.engine.process.log_file import start_log
from infill_completion.engine.scheduler.activity import IdleLimits
from infill_completion.engine.scheduler.device_failures import DeviceFailures
from infill_completion.engine.scheduler.loading import Load
from infill_completion.settings import EngineSettings

log = logging.getLogger(__name__)

# How long a second engine waits for the first to bind its socket, or to end if it is shutting down.
_TAKE_OVER_S = 5.0


def serve(settings: EngineSettings, load: Load, *, tcp: str | None = None) -> int:
    """Run the engine of ``settings`` until it has been idle for too long, is stopped, or cannot load its model.

    The order of the steps makes it the only one: the lock is taken before anything heavy is imported, only the holder
    of the lock binds the socket, and the model loads last, when ``/health`` already answers.

    Args:
        settings: The engine's settings.
        load: Loads the model, on the model thread.
        tcp: ``HOST:PORT`` to listen on instead of the Unix socket.

    Returns:
        The exit code; 0 also if another engine with the same settings already runs.

    Raises:
        ServeError: The run directory, the lock or the address cannot be used.
    """
    try:
        paths = engine_paths(settings)
    except RunDirectoryError as error:
        raise ServeError(str(error)) from error
    lock = FileLock(paths.lock)
    if not _acquired(lock, paths):
        print(f"An engine with these settings already runs (process {lock.holder()}).", file=sys.stderr)  # noqa: T201
        return 0
    try:
        with listening(paths, tcp) as listener:
            start_log(paths)
            info = connection_info(settings, listener)
            write_connection_file(paths, info)
            if info.token is not None:
                log.info("Listening on %s:%s; the token is in %s.", info.host, info.port, paths.connection_file)
            ended = _run(settings, load, listener, DeviceFailures(paths.device_failures))
    except BaseException:
        lock.release()
        raise
    if not ended:
        # Neither an import nor a load can be interrupted, so the process exits without waiting for the model thread.
        # And where the device is lost, the drivers' own clean-up may fail or hang.
        # The lock is released last, with the process: a new engine must not load beside the memory of this one.
        logging.shutdown()
        os._exit(0)
    lock.release()
    return 0


def _acquired(lock: FileLock, paths: EnginePaths) -> bool:
    """Take the lock, waiting for an engine that is shutting down; return False if a running engine holds it.

    Raises:
        ServeError: The lock cannot be used, or its holder does not listen.
    """
    until = time.monotonic() + _TAKE_OVER_S
    try:
        while not lock.acquire():
            if is_connectable(paths):
                return False
            if time.monotonic() > until:
                raise ServeError(
                    f"Process {lock.holder()} holds the engine's lock but does not listen; end it with "
                    f"`kill {lock.holder()}` and try again."
                )
            time.sleep(0.05)
    except OSError as error:  # some network file systems have no locks
        raise ServeError(
            f"{paths.lock} cannot be locked ({error}); set XDG_RUNTIME_DIR to a directory on a local disk."
        ) from error
    return True


def _keep_speed(details: dict[str, Any], speed: ModelSpeed) -> None:
    """Keep the speed of the loaded model for the next choice of ``auto``; called when torch is imported already."""
    from infill_completion.engine.checkpoints.device_probe import keep_speed

    keep_speed(details, speed)


def _run(settings: EngineSettings, load: Load, listener: Listener, device_failures: DeviceFailures) -> bool:
    """Serve until the engine ends; return False if the process cannot end in order then."""
    # While this is imported, early clients already wait in the socket's backlog.
    from infill_completion.engine.http.server import EngineServer

    log.info("Starting an engine for %s (process %d).", settings.model, os.getpid())
    server = EngineServer(
        load,
        model=settings.model,
        idle=IdleLimits(settings.idle_unload_s, settings.idle_exit_s),
        token=listener.token,
        hosts=[name for name in (listener.host, socket.gethostname()) if name],
        device_failures=device_failures,
        keep_speed=_keep_speed,
    )
    return server.run_on(listener.socket)
