"""The rules about private files by which a repository was learned: what was learned counts only while they stand.

They are noted beside the adapter: the setting `privacy.ignore`, the folders that it counts from, and a hash of each
file with rules.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infill_completion.privacy.git.files import UnreadableRulesError, read_rules, stamp_of

RULES = "rules.json"
_IGNORE, _ROOTS, _FILES = "ignore", "roots", "files"
_MISSING, _UNREADABLE = "missing", "unreadable"
_known: dict[str, tuple[object, str]] = {}  # the stamp of a file and the hash of its content
_read: dict[str, tuple[object, Any]] = {}  # the stamp of a file and what it notes


def hashes_of(files: Iterable[Path]) -> dict[str, str]:
    """Return a hash of each file with rules; a word in its place if there is no such file, or nobody can read it."""
    return {str(file): _hash_of(file) for file in files}


def _hash_of(file: Path) -> str:
    try:
        stamp = stamp_of(file)
        if stamp is None:
            return _MISSING
        known = _known.get(str(file))
        if known is None or known[0] != stamp:
            known = stamp, hashlib.sha256(read_rules(file) or b"").hexdigest()[:16]
            _known[str(file)] = known
        return known[1]
    except UnreadableRulesError:  # which makes everything private
        return _UNREADABLE


def note_rules(folder: Path, ignore: Sequence[str], roots: Iterable[Path], hashes: Mapping[str, str]) -> None:
    """Write by which rules was learned, whole or not at all.

    Args:
        folder: That of the repository, with its adapter.
        ignore: The setting `privacy.ignore`.
        roots: The folders that the rules counted from.
        hashes: Of the files with rules.

    Raises:
        OSError: It cannot be written.
    """
    noted = {_IGNORE: list(ignore), _ROOTS: sorted(_real(roots)), _FILES: dict(sorted(hashes.items()))}
    partial = folder / f"{RULES}.partial"
    partial.write_text(json.dumps(noted, indent=1) + "\n", "ascii")
    partial.replace(folder / RULES)


def rules_stand(folder: Path, ignore: Sequence[str], roots: Iterable[Path]) -> bool:
    """Return whether the rules by which was learned are those of today; not if they were not noted or cannot be read.

    Args:
        folder: That of the repository, with its adapter.
        ignore: The setting `privacy.ignore`. Fewer patterns keep fewer files private than while the model learned.
        roots: The folders that the rules count from. From fewer of them, they keep fewer files private.
    """
    try:
        noted = _noted(folder / RULES)
        return (
            _is_covered(ignore, noted[_IGNORE])
            and _real(roots) <= set(noted[_ROOTS])
            and all(_hash_of(Path(name)) == hashed for name, hashed in noted[_FILES].items())
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def noted_roots(folder: Path) -> tuple[Path, ...]:
    """Return the folders that the rules counted from; none if they were not noted or cannot be read."""
    try:
        return tuple(map(Path, _noted(folder / RULES)[_ROOTS]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ()


def _noted(file: Path) -> Any:
    """Return what a file notes; it is read again only when it has changed, since windows ask all the time."""
    status = file.stat()
    stamp = status.st_mtime_ns, status.st_size, status.st_ino
    known = _read.get(str(file))
    if known is None or known[0] != stamp:
        known = stamp, json.loads(file.read_text("ascii"))
        _read[str(file)] = known
    return known[1]


def _real(roots: Iterable[Path]) -> set[str]:
    return {os.path.realpath(root) for root in roots}


def _is_covered(ignore: Sequence[str], former: Sequence[str]) -> bool:
    """Return whether former patterns are today's, in their order, with none but positive ones between them."""
    left = iter(former)
    for pattern in ignore:
        for other in left:
            if other == pattern:
                break
            if "!" in other:
                return False
        else:
            return False
    return not any("!" in other for other in left)
