"""The run directory, with the socket, lock and log of each engine of this user.

One engine serves all editor windows of a user that share its settings and package version, so the files in here are
named after a hash of the two.  The directory protects them: it belongs to the user and has mode 0700.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from infill_completion import __version__
from infill_completion.folders import has_home_directory, home_directory
from infill_completion.settings import EngineSettings

_NAME = "infill-ls"
# `sun_path` has 104 bytes on macOS and 108 on Linux, including the terminating zero.
_MAX_SOCKET_PATH_BYTES = 103
# These do not change an engine's answers: two windows with different idle times, or of which one also names a remote
# engine, still share one copy of the weights.  The settings of the window that starts the engine apply.
_NOT_IN_KEY = frozenset({
    "idle_unload_s", "idle_exit_s", "url", "api", "api_key_env", "proxy", "ca_file", "format", "learn",
    "learn_minutes", "learn_memory_mb",
})  # fmt: skip


class RunDirectoryError(Exception):
    """The run directory cannot be used; the message is one sentence with the next step."""


@dataclass(frozen=True)
class EnginePaths:
    """The files of one engine.

    Attributes:
        key: Hash of the settings and the package version.
        directory: The run directory.
        socket: The Unix socket, or None if the engine listens on loopback TCP: on Windows, and if the path is too long
            for a Unix socket.
        lock: Contains the process id of the running engine, which holds a lock on it; never removed.
        log: The engine's log; it never contains text of a buffer.
        connection_file: JSON written by the running engine; see :mod:`infill_completion.client.connection_file`.
        device_failures: When the engine's device failed; see :mod:`infill_completion.engine.scheduler.device_failures`.
    """

    key: str
    directory: Path
    socket: Path | None
    lock: Path
    log: Path
    connection_file: Path
    device_failures: Path


def engine_key(settings: EngineSettings) -> str:
    """Return the hash of ``settings`` and the package version: 16 hexadecimal digits."""
    counted = {name: value for name, value in asdict(settings).items() if name not in _NOT_IN_KEY}
    text = json.dumps([__version__, counted], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def engine_paths(settings: EngineSettings, directory: Path | None = None) -> EnginePaths:
    """Return the files of the engine of ``settings``.

    Args:
        settings: The engine's settings.
        directory: Used instead of :func:`run_directory`.

    Raises:
        RunDirectoryError: The directory cannot be created or is not ours.
    """
    return paths_of(directory or run_directory(), engine_key(settings))


def paths_of(directory: Path, key: str) -> EnginePaths:
    """Return the files of the engine ``key`` in ``directory``."""
    stem = directory / key
    path: Path | None = stem.with_suffix(".sock")
    if not hasattr(socket, "AF_UNIX") or os.name == "nt" or len(os.fsencode(path or "")) > _MAX_SOCKET_PATH_BYTES:
        path = None
    return EnginePaths(
        key, directory, path, stem.with_suffix(".lock"), stem.with_suffix(".log"), stem.with_suffix(".json"),
        stem.with_suffix(".failures"),
    )  # fmt: skip


def run_directory() -> Path:
    """Return the run directory; create it with mode 0700 if it does not exist.

    It is ``$XDG_RUNTIME_DIR/infill-ls``, or else ``~/.cache/infill-ls/run``.  It is never in a temporary directory:
    other users may write there, and could answer in the engine's place.

    Raises:
        RunDirectoryError: It cannot be created or is not ours.
    """
    return _made_private(_runtime_base() or _cache_base() / "run")


def check_writable(directory: Path) -> None:
    """Check that an engine can work in the run directory: create, lock and remove a file there.

    Raises:
        RunDirectoryError: One of these steps fails.
    """
    probe = directory / f"probe.{secrets.token_hex(4)}"
    try:
        try:
            with probe.open("xb") as file:
                file.write(b"\0" * 4096)
                file.flush()
                if os.name != "nt":
                    import fcntl

                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise RunDirectoryError(
            f"No file can be written and locked in {directory} ({error.strerror}); free some space and make it "
            "writable for you, or set XDG_RUNTIME_DIR to a directory of yours on a local disk."
        ) from error


def native_directory() -> Path:
    """Return the directory for code compiled on this machine: ``~/.cache/infill-ls/native``, with mode 0700.

    Raises:
        RunDirectoryError: It cannot be created or is not ours; any other user who can write there could run code as us.
    """
    return _made_private(_cache_base() / "native")


def _made_private(directory: Path) -> Path:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        _check_ours(directory)
    except OSError as error:
        raise RunDirectoryError(
            f"The directory {directory} cannot be used ({error.strerror}); make it writable for you, or set "
            "XDG_RUNTIME_DIR to a directory of yours."
        ) from error
    return directory


def _runtime_base() -> Path | None:
    """Return our directory below XDG_RUNTIME_DIR, or None if that is not an absolute path that belongs to us."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if not base or not Path(base).is_absolute() or not Path(base).is_dir():
        return None
    if hasattr(os, "getuid") and Path(base).stat().st_uid != os.getuid():
        return None  # `sudo -E` keeps the variable of the calling user
    return Path(base) / _NAME


def _cache_base() -> Path:
    if os.name == "nt":
        return Path(platformdirs.user_cache_dir(_NAME, False))
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / _NAME
    if not has_home_directory():
        raise RunDirectoryError("This user has no home directory; set HOME or XDG_RUNTIME_DIR to a directory of yours.")
    return home_directory() / ".cache" / _NAME


def _check_ours(directory: Path) -> None:
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise RunDirectoryError(f"{directory} is not a directory; remove it and try again.")
    if not hasattr(os, "getuid"):
        return
    if found.st_uid != os.getuid():
        raise RunDirectoryError(
            f"{directory} belongs to another user; remove it or set XDG_RUNTIME_DIR to a directory of yours."
        )
    if found.st_mode & 0o022:
        raise RunDirectoryError(f"Other users can write to {directory}; remove it and try again.")
    if found.st_mode & 0o077:
        directory.chmod(0o700)
