"""Memory of a process, in bytes."""

from __future__ import annotations

from pathlib import Path


def of_this_process() -> dict[str, int]:
    """Return what is resident now, and the most that ever was."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
    found = {line.partition(":")[0]: int(line.split()[1]) << 10 for line in lines if line.endswith(" kB")}
    return {"resident": found["VmRSS"], "peak": found["VmHWM"]}
