"""The life of an engine process: one lock, one socket, one worker, one HTTP server."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from infill_completion import __version__
from infill_completion.client.connection_file import ConnectionInfo, read_connection_file, write_connection_file
from infill_completion.client.run_directory import EnginePaths, RunDirectoryError, engine_paths
from infill_completion.engine.process.lock import FileLock
from infill_completion.engine.scheduler.activity import IdleLimits
from infill_completion.engine.scheduler.loading import Load
from infill_completion.settings import EngineSettings

log = logging.getLogger(__name__)

EXIT_ERROR = 2
TOKEN_VARIABLE = "INFILL_ENGINE_TOKEN"  # noqa: S105  # the name of a variable, not a token
_BACKLOG = 128
# How long a second engine waits for the first to bind, or to end if it is on its way out.
_TAKE_OVER_S = 5.0
_MOST_LOG_BYTES = 1 << 20


class ServeError(Exception):
    """The engine cannot run as asked; the message is one sentence with the next step."""


@dataclass(frozen=True)
class Listener:
    """A bound socket, and what TCP adds to it."""

    socket: socket.socket
    token: str | None = None
    host: str | None = None


def serve(settings: EngineSettings, load: Load, *, tcp: str | None = None) -> int:
    """Run the engine of ``settings`` until it is idle for long, told to stop, or its model cannot be loaded.

    The order is what makes it the only one: the lock is taken before anything heavy is imported, the socket is bound
    by the holder of the lock only, and the model loads last, while ``/health`` already answers.

    Args:
        settings: What to run.
        load: Loads the model, on the model thread.
        tcp: ``HOST:PORT`` to listen on instead of the Unix socket.

    Returns:
        The exit code: 0 also where another engine of the same settings already runs.

    Raises:
        ServeError: The run directory, the lock or the address cannot be used.
    """
    try:
        paths = engine_paths(settings)
    except RunDirectoryError as error:
        raise ServeError(str(error)) from error
    lock = FileLock(paths.lock)
    try:
        acquired = _acquired(lock, paths)
    except OSError as error:  # some network file systems have no locks
        raise ServeError(
            f"{paths.lock} cannot be locked ({error}); set XDG_RUNTIME_DIR to a directory on a local disk."
        ) from error
    if not acquired:
        print(f"An engine with these settings already runs (process {lock.holder()}).", file=sys.stderr)  # noqa: T201
        return 0
    try:
        with listening(paths, tcp) as listener:
            _start_log(paths)
            info = connection_info(settings, listener)
            write_connection_file(paths, info)
            if info.token is not None:
                log.info("Listening on %s:%s; the token is in %s.", info.host, info.port, paths.connection_file)
            ended = _run(settings, load, listener)
    except BaseException:
        lock.release()
        raise
    if not ended:
        # Neither an import nor a load can be interrupted, so the process ends around the thread that is inside one.
        # The lock goes last, with the process: a new engine must not load beside the memory of this one.
        logging.shutdown()
        os._exit(0)
    lock.release()
    return 0


def _acquired(lock: FileLock, paths: EnginePaths) -> bool:
    """Take the lock, also from an engine that is about to end; False where one runs that answers."""
    until = time.monotonic() + _TAKE_OVER_S
    while not lock.acquire():
        if _connectable(paths):
            return False
        if time.monotonic() > until:
            raise ServeError(
                f"Process {lock.holder()} holds the engine's lock but does not listen; end it with "
                f"`kill {lock.holder()}` and try again."
            )
        time.sleep(0.05)
    return True


def _connectable(paths: EnginePaths) -> bool:
    info = read_connection_file(paths)
    if info is not None and info.host is not None and info.port is not None:
        with contextlib.suppress(OSError), socket.create_connection((info.host, info.port), timeout=1):
            return True
    if paths.socket is not None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            probe.connect(str(paths.socket))
            return True
    return False


@contextlib.contextmanager
def listening(paths: EnginePaths, tcp: str | None = None) -> Iterator[Listener]:
    """Bind, and remove what an engine that was killed left behind; both are the right of the lock's holder."""
    paths.connection_file.unlink(missing_ok=True)
    if paths.socket is not None:
        paths.socket.unlink(missing_ok=True)
    listener = _bind_tcp(tcp or "127.0.0.1:0") if tcp or paths.socket is None else _bind_unix(paths)
    try:
        yield listener
    finally:
        paths.connection_file.unlink(missing_ok=True)
        if paths.socket is not None:
            paths.socket.unlink(missing_ok=True)
        listener.socket.close()


def _bind_unix(paths: EnginePaths) -> Listener:
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(paths.socket))
    except OSError as error:
        raise ServeError(
            f"The engine cannot listen on {paths.socket} ({error}); set XDG_RUNTIME_DIR to a directory on a local disk."
        ) from error
    bound.listen(_BACKLOG)
    return Listener(bound)


def _bind_tcp(address: str) -> Listener:
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:  # a larger one would wrap around
        raise ServeError(f"--tcp takes HOST:PORT, such as 127.0.0.1:8766, not {address!r}.")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        if os.name != "nt":  # there the option would let a second process listen on the same port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(_BACKLOG)
    except OSError as error:
        raise ServeError(f"The engine cannot listen on {address} ({error}); choose another address.") from error
    return Listener(bound, os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(32), host)


def connection_info(settings: EngineSettings, listener: Listener) -> ConnectionInfo:
    """Return the contents of this engine's connection file."""
    info = ConnectionInfo(os.getpid(), __version__, asdict(settings))
    if listener.token is None:
        return info
    host, port = listener.socket.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # clients of this machine read it
    return ConnectionInfo(info.pid, info.version, info.settings, host, port, listener.token)


def _start_log(paths: EnginePaths) -> None:
    """Log to the run directory, and to the terminal where there is one; standard output stays silent."""
    with contextlib.suppress(FileNotFoundError):
        if paths.log.stat().st_size > _MOST_LOG_BYTES:
            os.truncate(paths.log, 0)
    handlers: list[logging.Handler] = [logging.FileHandler(paths.log, encoding="utf-8")]
    if sys.stderr is not None and sys.stderr.isatty():
        handlers.append(logging.StreamHandler(sys.stderr))
    line = logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s")
    for handler in handlers:
        handler.setFormatter(line)
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    logging.getLogger("infill_completion").setLevel(logging.INFO)
    # It logs the paths of requests and tracebacks of broken connections, none of which help anybody.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def _run(settings: EngineSettings, load: Load, listener: Listener) -> bool:
    """Serve until the end; False where the model thread is still busy then."""
    # Early clients already wait in the socket's backlog while this is imported.
    from infill_completion.engine.http.server import EngineServer

    log.info("An engine for %s starts (process %d).", settings.model, os.getpid())
    server = EngineServer(
        load,
        model=settings.model,
        idle=IdleLimits(settings.idle_unload_s, settings.idle_exit_s),
        token=listener.token,
        hosts=[name for name in (listener.host, socket.gethostname()) if name],
    )
    return server.run_on(listener.socket)
