"""Ignore files of a repository, and their patterns in Git's syntax."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infill_completion.document.files import read_source

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

GIT_IGNORE = ".gitignore"
OWN_IGNORE = ".infillignore"
IGNORE_FILES = (GIT_IGNORE, OWN_IGNORE)
# The time for which the ignore files of a folder count as unchanged, so that an index need not check them for each
# file.
KEEP_S = 1.0
_MOST_FOLDERS = 5000
_MOST_IGNORE_BYTES = 1_000_000


@dataclass(frozen=True)
class Rule:
    """The pattern that keeps a file private, and its origin: a path, or the name of the setting."""

    pattern: str
    origin: str

    def __str__(self) -> str:
        return f"{self.pattern} ({self.origin})"


@dataclass(frozen=True)
class Patterns:
    """The effective lines of an ignore file, in order."""

    lines: tuple[str, ...]
    spec: GitIgnoreSpec
    ignores_case: bool = False

    @classmethod
    def of(cls, lines: Sequence[str], *, ignores_case: bool = False) -> Patterns:
        """Read patterns; comments, empty lines and invalid patterns are left out."""
        kept = tuple(line for line in lines if line.strip() and not line.startswith("#"))
        try:
            return cls(kept, _spec(kept, ignores_case), ignores_case)
        except ValueError:  # one bad pattern must not disable the others
            good = tuple(line for line in kept if _is_pattern(line))
            return cls(good, _spec(good, ignores_case), ignores_case)

    def match(self, path: str) -> tuple[bool, str] | None:
        """Return whether the last matching pattern ignores ``path``, and that pattern; None if none matches."""
        result = self.spec.check_file(path.lower() if self.ignores_case else path)
        if result.include is None or result.index is None:
            return None
        return result.include, self.lines[result.index]

    def ignores(self, path: str) -> bool:
        """Return whether the last matching pattern ignores ``path``; a folder's path ends with a slash."""
        found = self.match(path)
        return found is not None and found[0]


class IgnoreFiles:
    """Reads ignore files, and reads them again if they have changed after `KEEP_S`."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[int, int, Patterns]] = {}
        self._folders: dict[Path, tuple[float, tuple[tuple[str, Patterns], ...]]] = {}

    def rule_for(self, path: Path, top: Path, names: Sequence[str], opened: Path | None = None) -> Rule | None:
        """Return the rule that ignores ``path``; the last match wins, and ``!`` includes a file again.

        Args:
            path: The file, below ``top``.
            top: The first folder whose ignore files count.
            names: The ignore files that count, from `IGNORE_FILES`.
            opened: The folder of the workspace. A `.gitignore` above it that ignores the whole folder does not make
                its files private: the user opened it to work in it.
        """
        rule: Rule | None = None
        for folder in _folders_between(top, path.parent):
            for name, patterns in self._of(folder):
                found = patterns.match(path.relative_to(folder).as_posix()) if name in names else None
                if found is None:
                    continue
                is_above = name == GIT_IGNORE and opened is not None and folder in opened.parents
                if is_above and opened and patterns.ignores(f"{opened.relative_to(folder).as_posix()}/"):
                    continue
                rule = Rule(found[1], str(folder / name)) if found[0] else None
        return rule

    def _of(self, folder: Path) -> tuple[tuple[str, Patterns], ...]:
        known = self._folders.get(folder)
        now = time.monotonic()
        if known is not None and now - known[0] < KEEP_S:
            return known[1]
        if len(self._folders) >= _MOST_FOLDERS:
            self._folders.clear()
        read = ((name, self._read(folder / name)) for name in IGNORE_FILES)
        found = tuple((name, patterns) for name, patterns in read if patterns is not None)
        self._folders[folder] = (now, found)
        return found

    def _read(self, file: Path) -> Patterns | None:
        try:
            status = file.stat()
            known = self._files.get(file)
            if known is not None and known[:2] == (status.st_mtime_ns, status.st_size):
                return known[2]
            text = read_source(file, _MOST_IGNORE_BYTES, errors="replace")
        except (OSError, ValueError):  # missing, or a name that no file can have
            text = None
        if text is None:
            self._files.pop(file, None)
            return None
        patterns = Patterns.of(text.splitlines())
        self._files[file] = (status.st_mtime_ns, status.st_size, patterns)
        return patterns


def _folders_between(top: Path, last: Path) -> Iterator[Path]:
    yield top
    folder = top
    for part in last.relative_to(top).parts:
        folder = folder / part
        yield folder


def _spec(lines: Sequence[str], ignores_case: bool) -> GitIgnoreSpec:
    # The import takes some milliseconds, which an editor need not wait for at the start.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines([line.lower() for line in lines] if ignores_case else lines)


def _is_pattern(line: str) -> bool:
    try:
        _spec([line], ignores_case=False)
    except ValueError:
        return False
    return True
