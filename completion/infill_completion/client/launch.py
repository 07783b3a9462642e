"""Starting the engine's process, so that no workspace reaches into it and it outlives the editor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from infill_completion.client.run_directory import EnginePaths, check_writable
from infill_completion.settings import EngineSettings

_MOST_TAIL_BYTES = 8192
# They would let a workspace put its own modules in the place of ours.
_UNWANTED_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONUSERBASE",
    "PYTHONPLATLIBDIR",
)


def engine_command(settings: EngineSettings) -> list[str]:
    """Return the command line that starts the engine of ``settings``; ``-P`` keeps the current directory out of it."""
    return [sys.executable, "-P", "-m", "infill_completion.engine", "serve", "--settings", json.dumps(asdict(settings))]


def engine_environment() -> dict[str, str]:
    """Return the environment for :func:`engine_command`: ours, without what changes where modules come from."""
    return {name: value for name, value in os.environ.items() if name not in _UNWANTED_VARIABLES}


_children: list[subprocess.Popen[bytes]] = []


def spawn(command: list[str], paths: EnginePaths) -> subprocess.Popen[bytes]:
    """Start ``command`` so that it outlives us: in a session of its own, with none of our streams."""
    # Those that ended are collected here, or they would stay in the process table as long as the editor runs.
    _children[:] = [child for child in _children if child.poll() is None]
    check_writable(paths.directory)  # the process itself could not even say what is wrong
    with paths.log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            cwd=paths.directory,
            env=engine_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            creationflags=_DETACHED,
        )
    _children.append(process)
    return process


# Windows: no console window, and no Ctrl+C from the editor's console.
_DETACHED: int = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


def log_tail(path: Path, start: int = 0) -> str:
    """Return the last line of the log behind byte ``start`` that tells an error; empty where there is none."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start if start <= end else 0, end - _MOST_TAIL_BYTES))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    marks = " ERROR ", "Error: ", ": error: ", "infill-ls engine: "
    return next((line for line in reversed(lines) if any(mark in line for mark in marks)), "")


def died(paths: EnginePaths, code: int, start: int = 0) -> str:
    """Return the sentence for an engine that ended with ``code`` before it was ready.

    Args:
        paths: Its files.
        code: Its exit code, or the negative number of the signal that killed it.
        start: The size of its log before it wrote to it.
    """
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    tail = log_tail(paths.log, start)
    said = f" ({tail})" if tail else ""
    return f"The engine {how} while it started{said}; see {paths.log}, or run `infill-ls doctor`."
