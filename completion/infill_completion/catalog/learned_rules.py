"""The rules about private files by which a repository was learned: what was learned counts only while they stand.

They are noted beside the adapter as the setting `privacy.ignore` and a hash of each file that they were read from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infill_completion.privacy.git.files import UnreadableRulesError, read_rules, stamp_of

RULES = "rules.json"
_IGNORE, _FILES = "ignore", "files"
_MISSING, _UNREADABLE = "missing", "unreadable"
_known: dict[str, tuple[object, str]] = {}  # the stamp of a file and the hash of its content


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


def note_rules(folder: Path, ignore: Sequence[str], hashes: Mapping[str, str]) -> None:
    """Write by which rules was learned, whole or not at all.

    Args:
        folder: That of the repository, with its adapter.
        ignore: The setting `privacy.ignore`.
        hashes: Of the files with rules.

    Raises:
        OSError: It cannot be written.
    """
    partial = folder / f"{RULES}.partial"
    partial.write_text(
        json.dumps({_IGNORE: list(ignore), _FILES: dict(sorted(hashes.items()))}, indent=1) + "\n", "ascii"
    )
    partial.replace(folder / RULES)


def rules_stand(folder: Path, ignore: Sequence[str]) -> bool:
    """Return whether the rules by which was learned are those of today; not if they were not noted or cannot be read.

    Args:
        folder: That of the repository, with its adapter.
        ignore: The setting `privacy.ignore`. Fewer patterns keep fewer files private than while the model learned.
    """
    try:
        noted: Any = json.loads((folder / RULES).read_text(encoding="utf-8"))
        former, files = noted[_IGNORE], noted[_FILES]
        return _is_covered(ignore, former) and hashes_of(map(Path, files)) == files
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


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
