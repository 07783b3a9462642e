"""Date, hardware and versions of a measurement."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

from infill_completion import __version__


def machine(note: str = "") -> dict[str, Any]:
    """Return date, processor, number of cores, load and versions; nothing identifies the machine or its user."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "version": __version__,
        "note": note,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").split("\n")
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
