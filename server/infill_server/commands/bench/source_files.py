"""Selection of the files that the measurements work on."""

from __future__ import annotations

from pathlib import Path

from infill_completion.document.files import identity_of
from infill_completion.languages.registry import language_id_of

MIN_FILE_BYTES = 1_000
MAX_FILE_BYTES = 2_000_000
NOT_CODE = frozenset({"plaintext", "json", "markdown"})


def source_files(folder: Path) -> list[Path]:
    """Return the hand-written source files of a folder, sorted by name; for a file, return that file.

    Of a file with several names, by links, the first one is returned.
    """
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    wanted = [
        path
        for path in paths
        if language_id_of(path.name) not in NOT_CODE
        and MIN_FILE_BYTES <= path.stat().st_size <= MAX_FILE_BYTES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    first: dict[object, Path] = {}
    for path in wanted:
        first.setdefault(identity_of(path.stat()) or path, path)
    return list(first.values())
