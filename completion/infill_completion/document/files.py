"""Reads files that somebody else put there."""

from __future__ import annotations

import stat
from pathlib import Path


def read_source(path: Path, most_bytes: int, *, errors: str = "strict") -> str | None:
    """Return the text of a regular file in UTF-8, None where it is none, too big, or cannot be read.

    A pipe or a device is no file: reading it could wait for ever.

    Args:
        path: Of the file.
        most_bytes: A larger one is too big.
        errors: What to do with bytes that are no UTF-8, as for :meth:`bytes.decode`; ``strict`` returns None.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            return None
        return path.read_text("utf-8", errors=errors)
    except (OSError, ValueError):  # none there, a name that no file can have, or no text
        return None
