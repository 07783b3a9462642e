"""The engine's listening socket: Unix where possible, else TCP with a token."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from infill_completion import __version__
from infill_completion.client.connection_file import ConnectionInfo, read_connection_file
from infill_completion.client.run_directory import EnginePaths
from infill_completion.engine.errors import ServeError
from infill_completion.settings import EngineSettings

TOKEN_VARIABLE = "INFILL_ENGINE_TOKEN"  # noqa: S105  # the name of a variable, not a token
_BACKLOG = 128


@dataclass(frozen=True)
class Listener:
    """A bound socket.

    Attributes:
        socket: The socket.
        token: The token that clients must send; None on a Unix socket.
        host: The host name of a TCP socket, as given by the user.
    """

    socket: socket.socket
    token: str | None = None
    host: str | None = None


@contextlib.contextmanager
def listening(paths: EnginePaths, tcp: str | None = None) -> Iterator[Listener]:
    """Bind the socket and remove the files of an engine that was killed; only the holder of the lock may do either.

    Args:
        paths: The engine's files.
        tcp: ``HOST:PORT`` to listen on instead of the Unix socket.

    Raises:
        ServeError: The address cannot be used.
    """
    _remove_files(paths)
    listener = _bind_tcp(tcp or "127.0.0.1:0") if tcp or paths.socket is None else _bind_unix(paths)
    try:
        yield listener
    finally:
        _remove_files(paths)
        listener.socket.close()


def is_connectable(paths: EnginePaths) -> bool:
    """Return whether an engine listens on the socket of ``paths``."""
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


def connection_info(settings: EngineSettings, listener: Listener) -> ConnectionInfo:
    """Return the contents of this engine's connection file."""
    info = ConnectionInfo(os.getpid(), __version__, asdict(settings))
    if listener.token is None:
        return info
    host, port = listener.socket.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # clients of this machine read it
    return ConnectionInfo(info.pid, info.version, info.settings, host, port, listener.token)


def _remove_files(paths: EnginePaths) -> None:
    paths.connection_file.unlink(missing_ok=True)
    if paths.socket is not None:
        paths.socket.unlink(missing_ok=True)


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
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:  # a larger number would wrap around
        raise ServeError(f"--tcp takes HOST:PORT, such as 127.0.0.1:8766, not {address!r}.")
    try:
        family, kind, protocol, _, bind_address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        if os.name != "nt":  # there, the option would let a second process listen on the same port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(bind_address)
        bound.listen(_BACKLOG)
    except OSError as error:
        raise ServeError(f"The engine cannot listen on {address} ({error}); choose another address.") from error
    return Listener(bound, os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(32), host)
