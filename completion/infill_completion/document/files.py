"""Reads text files; refuses pipes, devices, binary files and large files."""

from __future__ import annotations

import stat
from pathlib import Path


def read_source(path: Path, most_bytes: int, *, errors: str = "strict") -> str | None:
    """Return the UTF-8 text of a regular file; None if it is not one, is too large, or cannot be read.

    Pipes and devices are refused: reading one could block forever.

    Args:
        path: The file.
        most_bytes: The largest size that is read.
        errors: How to treat bytes that are not UTF-8, as for :meth:`bytes.decode`; ``strict`` returns None.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            return None
        return path.read_text("utf-8", errors=errors)
    except (OSError, ValueError):  # missing, a name that no file can have, or not text
        return None
