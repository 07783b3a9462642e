"""The engine's log file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

from infill_completion.client.run_directory import EnginePaths

_MAX_LOG_BYTES = 1 << 20


def start_log(paths: EnginePaths) -> None:
    """Log to the run directory, and to the terminal if there is one; nothing is written to standard output."""
    with contextlib.suppress(FileNotFoundError):
        if paths.log.stat().st_size > _MAX_LOG_BYTES:
            os.truncate(paths.log, 0)
    handlers: list[logging.Handler] = [logging.FileHandler(paths.log, encoding="utf-8")]
    if sys.stderr is not None and sys.stderr.isatty():
        handlers.append(logging.StreamHandler(sys.stderr))
    line = logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s")
    for handler in handlers:
        handler.setFormatter(line)
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    logging.getLogger("infill_completion").setLevel(logging.INFO)
    # uvicorn logs the paths of requests and the tracebacks of broken connections, neither of which is useful.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
