"""Files of the workspace near a document; used until the index of the whole workspace is complete.

The choice depends on the files and the number of requests, and on the clock only if a gathering runs out of time, so a
session can be replayed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from infill_completion.context.source_walk import SKIPPED_FOLDERS
from infill_completion.document.files import identities_of, identity_of, read_source
from infill_completion.document.workspace import OpenDocument
from infill_completion.languages.registry import language_id_of

MAX_FILES = 60
MAX_BYTES = 40_000
# Files read for one request; the next request continues from there.
FILES_A_REQUEST = 6
# A listing of the folders is used for this many requests, then new files are looked for.
REQUESTS_A_LISTING = 64
_MAX_ENTRIES = 2000


class NearbyFiles:
    """Reads, a few at each request, the files of a document's language in its folder and around it."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, str], list[Path]] = {}
        self._requests = 0
        self._read: dict[Path, tuple[int, OpenDocument | None]] = {}

    def documents(
        self,
        path: Path,
        language_id: str,
        roots: Sequence[Path],
        is_private: Callable[[Path], bool],
        allows: Callable[[], bool] = lambda: True,
    ) -> list[OpenDocument]:
        """Return the files near ``path`` that have been read; files that changed on disk are read again.

        A file's version is its modification time, so an index knows when it changes.

        Args:
            path: The document.
            language_id: LSP's language id of the document.
            roots: The folders of the workspace.
            is_private: Tells which files must not be read.
            allows: Called before each file; once it returns False, the files so far are returned.
        """
        root = next((root for root in roots if path.is_relative_to(root)), None)
        if root is None:
            return []
        self._requests += 1
        if self._requests % REQUESTS_A_LISTING == 0:
            self._found.clear()
        key = (path.parent, language_id)
        if key not in self._found:
            self._found[key] = _files_near(path.parent, root, language_id)
        left, own = FILES_A_REQUEST, identities_of([path])
        documents = []
        for file in self._found[key]:
            if not allows():
                break
            try:
                status = file.stat()
            except OSError:
                continue
            known = self._read.get(file)
            if file == path or identity_of(status) in own or is_private(file):
                continue
            if (known is None or known[0] != status.st_mtime_ns) and left:
                left -= 1
                known = self._read[file] = (status.st_mtime_ns, _document(file, language_id, status.st_mtime_ns))
            if known is not None and known[1] is not None:
                documents.append(known[1])
        return documents


def _files_near(folder: Path, root: Path, language_id: str) -> list[Path]:
    """Return the files of a language in ``folder``, then below its parent, and so on up to ``root``, each sorted."""
    found: dict[Path, None] = {}
    seen = 0
    for top in [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]:
        for current, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
            seen += len(names) + 1
            for name in sorted(names):
                if language_id_of(name) == language_id:
                    found[Path(current, name)] = None
            if len(found) >= MAX_FILES or seen > _MAX_ENTRIES:
                return list(found)[:MAX_FILES]
    return list(found)[:MAX_FILES]


def _document(file: Path, language_id: str, changed: int) -> OpenDocument | None:
    text = read_source(file, MAX_BYTES)
    return None if text is None else OpenDocument(file.as_uri(), language_id, changed, text)
