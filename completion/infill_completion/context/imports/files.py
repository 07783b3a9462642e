"""Reads the files that imports lead to: only files of the workspace, no private ones, each once."""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infill_completion.context.signatures import Outline
from infill_completion.document.files import read_source
from infill_completion.document.workspace import OpenDocument
from infill_completion.languages.registry import context_module_of, language_id_of
from infill_completion.languages.syntax.parser import has_grammar

MAX_BYTES = 400_000
# Outlines are kept with their texts: a few megabytes at most in a usual workspace.
MAX_KEPT = 200
# Entries of a folder; a folder with more was hardly written by people.
MAX_ENTRIES = 500


class OutlineCache:
    """Keeps outlines while their files are unchanged; the one unused the longest goes first."""

    def __init__(self) -> None:
        self._outlines: OrderedDict[tuple[Path, str], tuple[object, Outline | None]] = OrderedDict()

    def outline(self, path: Path, language_id: str, stamp: object, load: Callable[[], str | None]) -> Outline | None:
        """Return the outline of a file; ``load`` is called for its text if ``stamp`` has changed since last time."""
        key = (path, language_id)
        known = self._outlines.pop(key, None)
        if known is None or known[0] != stamp:
            text = load()
            known = (stamp, None if text is None else Outline(text, language_id))
        self._outlines[key] = known
        while len(self._outlines) > MAX_KEPT:
            self._outlines.popitem(last=False)
        return known[1]


class Files:
    """The files that one request may read.

    Args:
        roots: The folders of the workspace; a file outside them, or a link that leads outside, is not read.
        outlines: Outlines from earlier requests.
        is_private: Tells which files must not be read.
        allows: Called before each piece of work; once it returns False, every file counts as missing.
        opened: Open documents, whose text is used instead of the file's.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        outlines: OutlineCache,
        is_private: Callable[[Path], bool],
        allows: Callable[[], bool] = lambda: True,
        opened: Mapping[Path, OpenDocument] | None = None,
    ) -> None:
        self.allows = allows
        self._roots = tuple(Path(os.path.normpath(root)) for root in roots)
        self._beginnings = tuple(map(_beginning, self._roots))
        self._real_roots: tuple[str, ...] | None = None
        self._outlines = outlines
        self._is_private = is_private
        self._opened = opened or {}

    def uri(self, path: Path) -> str:
        """Return the URI of a file as the editor writes it."""
        document = self._opened.get(path)
        return path.as_uri() if document is None else document.uri

    def text(self, path: Path) -> str:
        """Return the text of a file with LF line ends; empty if it is missing or must not be read."""
        found = self._outline(path, "plaintext")
        return found.text if found is not None else ""

    def outline(self, path: Path, language_id: str) -> Outline | None:
        """Return what a file defines, for a file in ``language_id`` that imports it; None if it cannot be read."""
        own = language_id_of(path.name)
        # Whether a header is C or C++ depends on the file that includes it.
        is_as_here = not has_grammar(own) or context_module_of(own) == context_module_of(language_id) == "c"
        return self._outline(path, language_id if is_as_here else own)

    def names(self, folder: Path) -> list[str]:
        """Return the sorted names of a folder's entries; none outside the workspace, or if there are too many."""
        folder = Path(os.path.normpath(folder))
        if not self._is_below(folder) or not self.allows():
            return []
        try:
            listed = [entry.name for entry in folder.iterdir()] if self._leads_inside(folder) else []
        except (OSError, ValueError):
            return []
        return sorted(listed) if len(listed) <= MAX_ENTRIES else []

    def _outline(self, path: Path, language_id: str) -> Outline | None:
        normal = os.path.normpath(path)
        path = path if str(path) == normal else Path(normal)  # making paths takes most of the time of a search
        if not self._is_below(path) or not self.allows():
            return None
        document = self._opened.get(path)
        if document is not None:
            stamp = (document.uri, document.version)
            return self._outlines.outline(path, language_id, stamp, lambda: document.text[:MAX_BYTES])
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                return None
            if self._is_private(path) or not self._leads_inside(path):
                return None
        except (OSError, ValueError):  # missing, or a name that no file can have
            return None
        return self._outlines.outline(
            path, language_id, (status.st_mtime_ns, status.st_size), lambda: read_source(path, MAX_BYTES)
        )

    def _is_below(self, path: Path) -> bool:
        return _beginning(path).startswith(self._beginnings)

    def _leads_inside(self, path: Path) -> bool:
        """Return whether a path, after links are resolved, is in the workspace and not private."""
        real = os.path.realpath(path)
        if real == str(path):
            return True
        if self._real_roots is None:
            self._real_roots = tuple(os.path.realpath(root) for root in self._roots)
        for root, own in zip(self._real_roots, self._roots, strict=True):
            if Path(real).is_relative_to(root):
                return not self._is_private(own / Path(real).relative_to(root))
        return False


def _beginning(folder: Path) -> str:
    """Return what the paths of a folder and of all that is in it begin with, compared as the system compares them."""
    return os.path.normcase(os.path.join(folder, ""))  # noqa: PTH118  # a path drops the separator at its end
