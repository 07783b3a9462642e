"""Files whose text never reaches a model: `.gitignore`, `.infillignore` and the setting `privacy.ignore`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".infillignore")
# How long the verdict on a file is kept before the ignore files are looked at again.
KEEP_S = 5.0
_MOST_VERDICTS = 2000
_MOST_IGNORE_BYTES = 1_000_000


@dataclass(frozen=True)
class Rule:
    """The pattern that keeps a file private, and where it is written: a path, or the setting's name."""

    pattern: str
    origin: str

    def __str__(self) -> str:
        return f"{self.pattern} ({self.origin})"


@dataclass(frozen=True)
class _Patterns:
    lines: tuple[str, ...]
    spec: GitIgnoreSpec

    def match(self, path: str) -> tuple[bool, str] | None:
        """Return whether the last pattern that matches ignores ``path``, and that pattern."""
        result = self.spec.check_file(path)
        if result.include is None or result.index is None:
            return None
        return result.include, self.lines[result.index]


class Privacy:
    """Tells which files are private; reads ignore files when they change."""

    def __init__(self, ignore: Sequence[str]) -> None:
        self._setting = _patterns(ignore)
        self._files: dict[Path, tuple[int, int, _Patterns]] = {}
        self._verdicts: dict[tuple[str, tuple[Path, ...]], tuple[float, Rule | None]] = {}

    def rule_for(self, uri: str, roots: Sequence[Path]) -> Rule | None:
        """Return the rule that keeps the file behind ``uri`` private, None where there is none.

        The setting's globs count below the root of the workspace, or below the file system's where the file lies
        outside of it. Ignore files count from the workspace's root down to the file's folder; as in Git the last match
        wins and ``!`` takes a file back, but not from the setting. Outside of the workspace only `.infillignore`
        counts, from the repository's top on: what Git should not track there, an installed library for one, says
        nothing about privacy.
        """
        key = (uri, tuple(roots))
        known = self._verdicts.get(key)
        now = time.monotonic()
        if known is not None and now - known[0] < KEEP_S:
            return known[1]
        if len(self._verdicts) >= _MOST_VERDICTS:
            self._verdicts.clear()
        rule = self._find(uri, roots)
        self._verdicts[key] = (now, rule)
        return rule

    def _find(self, uri: str, roots: Sequence[Path]) -> Rule | None:
        path = path_of(uri)
        if path is None:
            return None
        root = next((root for root in roots if path.is_relative_to(root)), None)
        shown = path.relative_to(root).as_posix() if root else path.as_posix().lstrip("/")
        found = self._setting.match(shown)
        if found is not None and found[0]:
            return Rule(found[1], "setting privacy.ignore")
        if root is not None:
            return self._in_ignore_files(path, root, IGNORE_FILES)
        top = repository_of(path)
        return None if top is None else self._in_ignore_files(path, top, IGNORE_FILES[-1:])

    def _in_ignore_files(self, path: Path, top: Path, names: Sequence[str]) -> Rule | None:
        rule: Rule | None = None
        folders = [top]
        for part in path.parent.relative_to(top).parts:
            folders.append(folders[-1] / part)
        for folder in folders:
            for name in names:
                patterns = self._read(folder / name)
                found = patterns.match(path.relative_to(folder).as_posix()) if patterns else None
                if found is not None:
                    rule = Rule(found[1], str(folder / name)) if found[0] else None
        return rule

    def _read(self, file: Path) -> _Patterns | None:
        try:
            status = file.stat()
            known = self._files.get(file)
            if known is not None and known[:2] == (status.st_mtime_ns, status.st_size):
                return known[2]
            if status.st_size > _MOST_IGNORE_BYTES:
                return None
            patterns = _patterns(file.read_text("utf-8", errors="replace").splitlines())
        except OSError:
            self._files.pop(file, None)
            return None
        self._files[file] = (status.st_mtime_ns, status.st_size, patterns)
        return patterns


def path_of(uri: str) -> Path | None:
    """Return the path behind a URI, or a plain path itself; None for documents that are no files, as ``untitled:1``."""
    parts = urlsplit(uri)
    if len(parts.scheme) < 2:  # a path, perhaps with a drive letter
        return Path(uri).absolute()
    if parts.scheme not in {"file", "vscode-notebook-cell"}:
        return None
    path = unquote(parts.path)
    if len(path) > 2 and path[0] == "/" and path[2] == ":":
        path = path[1:]
    return Path(path)


def repository_of(path: Path) -> Path | None:
    """Return the top of the Git repository a file lies in."""
    return next((folder for folder in path.parents if (folder / ".git").exists()), None)


def _patterns(lines: Sequence[str]) -> _Patterns:
    # Reading the package costs some milliseconds, which an editor that only starts us need not wait for.
    from pathspec import GitIgnoreSpec

    kept = tuple(line for line in lines if line.strip() and not line.startswith("#"))
    try:
        return _Patterns(kept, GitIgnoreSpec.from_lines(kept))
    except ValueError:  # one bad pattern must not disable the others
        good = tuple(line for line in kept if _is_pattern(line))
        return _Patterns(good, GitIgnoreSpec.from_lines(good))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def relative_path(uri: str, roots: Sequence[Path]) -> str:
    """Return how a file is named in a prompt: below its workspace's root, else by its last two parts."""
    path = path_of(uri)
    if path is None:
        return PurePosixPath(unquote(urlsplit(uri).path)).name or "untitled"
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return path.relative_to(root).as_posix() if root else "/".join(path.parts[-2:]).lstrip("/")
