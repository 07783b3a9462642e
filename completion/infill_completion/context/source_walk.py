"""The source files below some folders, without those that are private or installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# Folder entries read in one pass.
MAX_ENTRIES = 30_000
# One piece of work on what is found, and the pause after it: a quarter of one core at most, and no request waits long.
PIECE_MS = 2.0
PAUSE_S = 0.006
# The time after which files are checked again.
FRESH_S = 60.0

IsPrivate = Callable[[Path], bool]

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "dist", "build", "target"})


def walk_sources(
    roots: Sequence[Path],
    is_wanted: Callable[[str], bool],
    is_private: IsPrivate,
    max_bytes: int | None = None,
) -> Iterator[tuple[Path | None, int]]:
    """Yield each wanted file and its modification time in nanoseconds, in the order of names; None before each entry.

    At most `MAX_ENTRIES` entries of folders are read.

    Args:
        roots: The folders.
        is_wanted: Tells by its name whether a file is wanted.
        is_private: Tells whether a file must not be read.
        max_bytes: The largest size of a file; any if None.
    """
    left = MAX_ENTRIES
    waiting = list(reversed(roots))
    while waiting and left > 0:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        below: list[Path] = []
        for entry in listed:
            left -= 1
            yield None, 0
            path = folder / entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    # Whether a folder's files are private is asked for a made-up file in it.
                    if not _is_skipped(entry.name) and not is_private(path / "x"):
                        below.append(path)
                elif is_wanted(entry.name) and not is_private(path):
                    status = entry.stat()
                    if max_bytes is None or status.st_size <= max_bytes:
                        yield path, status.st_mtime_ns
            except OSError:
                continue
        waiting += reversed(below)


def _is_skipped(folder: str) -> bool:
    return folder.startswith(".") or folder in SKIPPED_FOLDERS
