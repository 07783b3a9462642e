"""A text whose imports are resolved, and what one import means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

# A file with imports beyond this many characters is generated.
MAX_TEXT = 100_000
_IMPORT_LINE = re.compile(r"[ \t]*(?:import|from|use|pub use|#[ \t]*include)\b")
# Names joined by dots or double colons; only whole chains match.
_CHAIN = re.compile(r"(?<![\w$.:])[^\W\d][\w$]*(?:(?:\.|::)[^\W\d][\w$]*)+")
_MARK = re.compile(r"(\.|::)")
_WORD = re.compile(r"[^\W\d]\w*")


class Takes(Enum):
    """Which definitions of a file an import refers to."""

    NAMED = "named"
    USED = "used"
    ALL = "all"


@dataclass(frozen=True)
class Import:
    """Files that may hold definitions.

    Attributes:
        files: The candidates; the first that exists is read, or each of them if ``is_folder``.
        names: The name of each definition in the importing file and in its own; only for `Takes.NAMED`.
        takes: The definitions: those in ``names``, those whose names occur near the cursor, or all.
        is_folder: Whether each of the files is read.
    """

    files: tuple[Path, ...]
    names: tuple[tuple[str, str], ...] = ()
    takes: Takes = Takes.NAMED
    is_folder: bool = False


@dataclass(frozen=True)
class ImportSite:
    """A text whose imports are resolved.

    Attributes:
        text: The text with the imports, with LF line ends.
        near: The text around the cursor; definitions used in it matter.
        language_id: LSP's language id.
        path: The file, absolute.
        roots: The folders of the workspace.
    """

    text: str
    near: str
    language_id: str
    path: Path
    roots: Sequence[Path]

    @cached_property
    def words(self) -> frozenset[str]:
        """The words near the cursor, without those in import statements."""
        lines = (line for line in self.near.split("\n") if not _IMPORT_LINE.match(line))
        return frozenset(word for line in lines for word in _WORD.findall(line))

    @cached_property
    def bases(self) -> list[Path]:
        """The folders that absolute names may start from: the roots, their sources, then :attr:`folders`."""
        return list(dict.fromkeys([*(path for root in self.roots for path in (root, root / "src")), *self.folders]))

    @cached_property
    def folders(self) -> list[Path]:
        """The folders from the file's own up to the workspace's root; only its own outside the workspace."""
        root = next((root for root in self.roots if self.path.is_relative_to(root)), None)
        if root is None:
            return [self.path.parent]
        return [folder for folder in self.path.parents if folder.is_relative_to(root)]

    @cached_property
    def _members(self) -> dict[str, dict[str, None]]:
        """What follows each name and its mark near the cursor, such as ``price`` after ``shop.``."""
        found: dict[str, dict[str, None]] = {}
        for chain in _CHAIN.findall(self.near):
            parts = _MARK.split(chain)
            name = parts[0]
            for mark, member in zip(parts[1::2], parts[2::2], strict=True):
                found.setdefault(name + mark, {})[member] = None
                name += mark + member
        return found

    def uses(self, name: str, mark: str) -> tuple[tuple[str, str], ...]:
        """Return the members of ``name`` used near the cursor, as ``price`` in ``shop.price``; ``mark`` is the dot."""
        return tuple((used, used) for used in self._members.get(name + mark, ()))
