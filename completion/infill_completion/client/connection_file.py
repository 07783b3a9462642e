"""The connection file of a running engine: how clients reach it, and which process it is."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from infill_completion.client.run_directory import EnginePaths


@dataclass(frozen=True)
class ConnectionInfo:
    """The contents of a connection file.

    Attributes:
        pid: The engine's process id.
        version: The package version.
        settings: The engine's settings.
        host: The TCP host, or None if the engine listens on its Unix socket.
        port: The TCP port, likewise.
        token: The bearer token that TCP requests need.
    """

    pid: int
    version: str
    settings: dict[str, Any]
    host: str | None = None
    port: int | None = None
    token: str | None = None


def write_connection_file(paths: EnginePaths, info: ConnectionInfo) -> None:
    """Write the connection file atomically, readable by this user only."""
    text = json.dumps({name: value for name, value in asdict(info).items() if value is not None})
    temporary = paths.connection_file.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(paths.connection_file)


def read_connection_file(paths: EnginePaths) -> ConnectionInfo | None:
    """Return the contents of the connection file of ``paths``; None if it is missing or invalid."""
    try:
        fields = json.loads(paths.connection_file.read_text("utf-8"))
        return ConnectionInfo(**fields)
    except (OSError, ValueError, TypeError):
        return None
