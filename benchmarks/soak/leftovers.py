"""What a soak test leaves behind: processes, sockets and temporary files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

_KEPT = frozenset({".lock", ".log"})


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes, besides this one, that were started with ``home`` as their run directory."""
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = (
                process.environ().get("XDG_RUNTIME_DIR") == str(home / "run") and process.pid != psutil.Process().pid
            )
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def leftovers(home: Path) -> Iterator[str]:
    """Yield a sentence for everything that should be gone."""
    for process in processes_of(home):
        yield f"Process {process.pid} still runs: {' '.join(process.cmdline())[:200]}"
    for path in (home / "run").rglob("*"):
        if not path.is_dir() and path.suffix not in _KEPT:
            yield f"{path.relative_to(home)} was left behind."
    for path in (home / "tmp").rglob("*"):
        yield f"{path.relative_to(home)} was left behind."
    for path in (home / "cache").rglob("*.part"):
        yield f"{path.relative_to(home)} was left behind."
