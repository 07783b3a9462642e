"""Paths that name a person or a project, and the ways in which a text may write them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

# A folder at the top, such as `/root`, `/work` or `C:\\code`, names nobody.
_LEAST_PARTS = 3


def identifying_paths(folders: Iterable[PurePath]) -> frozenset[str]:
    """Return how the paths of ``folders`` are written: plainly, in a URI, with other slashes and in a string."""
    found: set[str] = set()
    for folder in folders:
        if folder.is_absolute() and len(folder.parts) >= _LEAST_PARTS:
            plain = str(folder)
            found |= {plain, folder.as_posix(), plain.replace("\\", "\\\\")}
            found.add(folder.as_uri().removeprefix("file://"))
    return frozenset(found)
