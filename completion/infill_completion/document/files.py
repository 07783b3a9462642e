"""Reads text files; refuses pipes, devices, binary files and large files."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

# A NUL among this many first characters means that a text is binary.
_PROBED = 8192


def is_binary(text: str) -> bool:
    """Return whether a text is not for reading: it has a NUL near its start."""
    return "\0" in text[:_PROBED]


def read_source(path: Path, most_bytes: int, *, errors: str = "strict") -> str | None:
    """Return the UTF-8 text of a regular file; None if it is not one, is binary or too large, or cannot be read.

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
        text = path.read_text("utf-8", errors=errors)
    except (OSError, ValueError):  # missing, a name that no file can have, or not text
        return None
    return None if is_binary(text) else text


def identity_of(status: os.stat_result) -> tuple[int, int] | None:
    """Return what all names of one file have in common, links too; None where the file system does not tell."""
    return (status.st_dev, status.st_ino) if status.st_ino else None


def identities_of(paths: Iterable[Path]) -> frozenset[tuple[int, int]]:
    """Return the identities of those files that there are."""
    found = set()
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            found.add(identity_of(path.stat()))
    return frozenset(identity for identity in found if identity is not None)
