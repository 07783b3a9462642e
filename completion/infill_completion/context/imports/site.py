"""Where imports are looked for, and what one of them means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

# A file whose imports fill more than this is generated.
MOST_TEXT = 100_000
_IMPORT_LINE = re.compile(r"[ \t]*(?:import|from|use|pub use|#[ \t]*include)\b")
# Names joined by dots or double colons; a part of a longer chain is no beginning.
_CHAIN = re.compile(r"(?<![\w$.:])[^\W\d][\w$]*(?:(?:\.|::)[^\W\d][\w$]*)+")
_MARK = re.compile(r"(\.|::)")
_WORD = re.compile(r"[^\W\d]\w*")


class Takes(Enum):
    """Which definitions of a file an import is about."""

    NAMED = "named"
    USED = "used"
    ALL = "all"


@dataclass(frozen=True)
class Import:
    """Files that may hold definitions.

    Attributes:
        files: The first that exists counts, or, of a folder, each.
        names: What the definitions are called here and there; only for `Takes.NAMED`.
        takes: Which definitions are meant: those in ``names``, those whose names occur near the cursor, or all.
        is_folder: Whether each of the files counts.
    """

    files: tuple[Path, ...]
    names: tuple[tuple[str, str], ...] = ()
    takes: Takes = Takes.NAMED
    is_folder: bool = False


@dataclass(frozen=True)
class ImportSite:
    """A text whose imports are looked for.

    Attributes:
        text: The text that holds the imports, LF line ends.
        near: The text around the cursor; what is used counts there.
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
        """The words near the cursor, but not those of import statements."""
        lines = (line for line in self.near.split("\n") if not _IMPORT_LINE.match(line))
        return frozenset(word for line in lines for word in _WORD.findall(line))

    @property
    def folders(self) -> list[Path]:
        """The folders from the file's own up to the workspace's root; only its own outside of the workspace."""
        root = next((root for root in self.roots if self.path.is_relative_to(root)), None)
        if root is None:
            return [self.path.parent]
        return [folder for folder in self.path.parents if folder.is_relative_to(root)]

    @cached_property
    def _members(self) -> dict[str, dict[str, None]]:
        """What stands behind each name and its mark near the cursor, as ``price`` behind ``shop.``."""
        found: dict[str, dict[str, None]] = {}
        for chain in _CHAIN.findall(self.near):
            parts = _MARK.split(chain)
            name = parts[0]
            for mark, member in zip(parts[1::2], parts[2::2], strict=True):
                found.setdefault(name + mark, {})[member] = None
                name += mark + member
        return found

    def uses(self, name: str, mark: str) -> tuple[tuple[str, str], ...]:
        """Return what is used of ``name`` near the cursor, as ``price`` in ``shop.price``; ``mark`` is the dot."""
        return tuple((used, used) for used in self._members.get(name + mark, ()))
