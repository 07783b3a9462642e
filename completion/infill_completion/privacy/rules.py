"""Files whose text never reaches a model: `.gitignore`, `.infillignore` and the setting `privacy.ignore`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from infill_completion.privacy.ignore_files import IGNORE_FILES, OWN_IGNORE, IgnoreFiles, Patterns, Rule

# How long the verdict on a file is kept before the rules are looked at again.
KEEP_S = 5.0
_MOST_VERDICTS = 2000
# Scheme and path (RFC 3986, appendix B); unlike `urlsplit` it takes every text.
_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://[^/?#]*)?([^?#]*)")
# How plugins for Git name a file of a commit: `/repo/.git//0/a.py`, `/repo/.git//HEAD:a.py`, `/repo/.git/:0:/a.py`.
_IN_COMMIT = re.compile(r"/\.git/+(?::\d:/?|[^/:]+[:/])")


@dataclass(frozen=True)
class _Place:
    """A folder of the workspace, and the top of the repository it lies in; the folder itself outside of one."""

    root: Path
    top: Path


class Privacy:
    """Tells which files are private; reads ignore files when they change."""

    def __init__(self, ignore: Sequence[str]) -> None:
        # Windows and macOS take `.ENV` for `.env`, and nobody means to protect only one of them.
        self._setting = Patterns.of(ignore, ignores_case=True)
        self._files = IgnoreFiles()
        self._verdicts: dict[tuple[str, tuple[Path, ...]], tuple[float, Rule | None]] = {}
        self._places: dict[tuple[Path, ...], tuple[float, tuple[_Place, ...]]] = {}

    def rule_for(self, uri: str, roots: Sequence[Path]) -> Rule | None:
        """Return the rule that keeps the document behind ``uri`` private, None where there is none.

        Whatever the scheme is, the path in the URI counts, and where links are involved the path as written and the
        one they lead to: one match is enough. Changed ignore files count some seconds (`KEEP_S`) later.

        The setting's globs count below the root of the workspace, or below the file system's where the file lies
        outside of it; upper and lower case are the same to them. Ignore files count from the top of the repository
        that the workspace's root lies in, or else from that root, down to the file's folder; as in Git the last match
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
        places = self._places_of(tuple(roots))
        found = (self._rule_of(path, places) for path in dict.fromkeys(_paths_behind(uri)))
        return next((rule for rule in found if rule is not None), None)

    def _rule_of(self, path: Path, places: Sequence[_Place]) -> Rule | None:
        place = next((place for place in places if path.is_relative_to(place.root)), None)
        shown = path.relative_to(place.root).as_posix() if place else path.as_posix().lstrip("/")
        found = self._setting.match(shown)
        if found is not None and found[0]:
            return Rule(found[1], "setting privacy.ignore")
        if place is not None:
            return self._files.rule_for(path, place.top, IGNORE_FILES, place.root)
        top = repository_of(path) if path.is_absolute() else None
        return None if top is None else self._files.rule_for(path, top, (OWN_IGNORE,))

    def _places_of(self, roots: tuple[Path, ...]) -> tuple[_Place, ...]:
        known = self._places.get(roots)
        now = time.monotonic()
        if known is not None and now - known[0] < KEEP_S:
            return known[1]
        both = dict.fromkeys([*roots, *(_resolved(root) for root in roots)])
        places = tuple(_Place(root, repository_of(root / "file") or root) for root in both)
        self._places = {roots: (now, places)}
        return places


def path_of(uri: str) -> Path | None:
    """Return the path behind a URI, or a plain path itself; None for documents that are no files, as ``untitled:1``."""
    scheme, path = _parts(uri)
    if len(scheme) < 2:  # a path, perhaps with a drive letter
        return Path(uri).absolute()
    return _path(path) if scheme in {"file", "vscode-notebook-cell"} else None


def _paths_behind(uri: str) -> Iterator[Path]:
    """Yield every path that a URI may stand for, the likeliest first, each as written and as links lead."""
    written = []
    path = path_of(uri)
    if path is None:
        # An old version of a file, one on another machine or one not saved yet is as private as the file itself.
        text = _parts(uri)[1]
        written = [_path(_IN_COMMIT.sub("/", text)), _path(text), _path(text.replace(":", "/"))]
    else:
        written = [path]
        if "?" in uri or "#" in uri:  # Some editors do not escape them.
            written.append(_path(unquote(uri.partition(":")[2])))
    for path in written:
        yield path
        if path.is_absolute():
            yield _resolved(path)


def _parts(uri: str) -> tuple[str, str]:
    """Return scheme and path of a URI."""
    match = _URI.match(uri)
    return ((match[1] or "").lower(), unquote(match[2])) if match else ("", "")


def _path(text: str) -> Path:
    is_drive = len(text) > 2 and text[0] == "/" and text[2] == ":"
    return Path(text[1:] if is_drive else text)


def _resolved(path: Path) -> Path:
    """Return where links lead."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):  # a name that no file can have
        return path


def repository_of(path: Path) -> Path | None:
    """Return the top of the Git repository a file lies in."""
    return next((folder for folder in path.parents if os.path.exists(folder / ".git")), None)  # noqa: PTH110 never raises


def relative_path(uri: str, roots: Sequence[Path]) -> str:
    """Return how a file is named in a prompt: below its workspace's root, else by its last two parts."""
    path = path_of(uri)
    if path is None:
        return PurePosixPath(_parts(uri)[1]).name or "untitled"
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return path.relative_to(root).as_posix() if root else "/".join(path.parts[-2:]).lstrip("/")
