"""Starting the engine's process: isolated from the workspace, and independent of the editor's lifetime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from infill_completion.client.run_directory import EnginePaths, check_writable
from infill_completion.settings import EngineSettings, Settings

_MAX_TAIL_BYTES = 8192
# These would let a workspace replace our modules with its own.
_UNWANTED_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONUSERBASE",
    "PYTHONPLATLIBDIR",
)
# Windows: no console window, and no Ctrl+C from the editor's console.
_DETACHED: int = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

_children: list[subprocess.Popen[bytes]] = []


def engine_command(settings: EngineSettings, *, tcp: str | None = None) -> list[str]:
    """Return the command line that runs the engine of ``settings``.

    Args:
        settings: What the engine runs.
        tcp: ``HOST:PORT`` to listen on instead of the Unix socket.
    """
    # -P keeps the current directory out of the module search path.
    command = [sys.executable, "-P", "-m", "infill_completion.engine", "serve"]
    command += ["--settings", json.dumps(asdict(settings))]
    return [*command, "--tcp", tcp] if tcp else command


def learn_command(
    settings: Settings, folder: Path, roots: Sequence[Path] = (), *, ordered: bool = False, only_new: bool = False
) -> list[str]:
    """Return the command line that lets the model of ``settings`` learn the repository of a folder.

    Args:
        settings: Which model, what is private, and how much it may take.
        folder: Lies in the repository.
        roots: The folders of the workspace, from which the rules about private files count.
        ordered: Whether `pause` and `go` on its standard input are obeyed, and it ends with that.
        only_new: Whether it learns only where there are new commits, once a day.
    """
    told = {"engine": asdict(settings.engine), "privacy": asdict(settings.privacy)}
    command = [sys.executable, "-P", "-m", "infill_completion.engine", "learn", str(folder)]
    command += [f"--root={root}" for root in roots]
    command += ["--settings", json.dumps(told)]
    return [*command, *(["--ordered"] if ordered else []), *(["--only-new"] if only_new else [])]


def engine_environment() -> dict[str, str]:
    """Return the environment for :func:`engine_command`: ours, without what changes where modules come from."""
    return {name: value for name, value in os.environ.items() if name not in _UNWANTED_VARIABLES}


def spawn(command: list[str], paths: EnginePaths) -> subprocess.Popen[bytes]:
    """Start ``command`` so that it outlives this process: in its own session, with none of our streams."""
    # Reap the children that have ended, or they would stay in the process table until the editor exits.
    _children[:] = [child for child in _children if child.poll() is None]
    check_writable(paths.directory)  # without a log, the engine itself could not report the problem
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


def log_tail(path: Path, start: int = 0) -> str:
    """Return the last error line of the log after byte ``start``, or an empty string."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start if start <= end else 0, end - _MAX_TAIL_BYTES))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    marks = " ERROR ", "Error: ", ": error: ", "infill-ls engine: "
    return next((line for line in reversed(lines) if any(mark in line for mark in marks)), "")


def exit_message(paths: EnginePaths, code: int, start: int = 0) -> str:
    """Return the message about an engine that exited before it was ready.

    Args:
        paths: Its files.
        code: Its exit code, or the negative number of the signal that killed it.
        start: The size of its log in bytes before this process wrote to it.
    """
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    tail = log_tail(paths.log, start)
    detail = f" ({tail})" if tail else ""
    return f"The engine {how} while it started{detail}; see {paths.log}, or run `infill-ls doctor`."
