"""The processor time of other processes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def processor_ms(processes: Iterable[int]) -> float | None:
    """Return the processor time that processes have used so far, in milliseconds; None where the system does not say.

    Source: https://docs.kernel.org/filesystems/proc.html, ``/proc/PID/stat``.
    """
    ticks = 0
    try:
        for process in processes:
            line = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
            fields = line.rpartition(")")[2].split()  # the name before it may hold anything
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError, ValueError):
        return None
