"""Private files, whose text never reaches a model: by `.gitignore`, `.infillignore` or the setting `privacy.ignore`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from infill_completion.privacy.git.repository import repositories_of, repository_of
from infill_completion.privacy.ignore_files import IgnoreFiles, Rule
from infill_completion.privacy.setting import IgnoreSetting

# The time for which the verdict on a file is kept before the rules are checked again.
KEEP_S = 5.0
_MAX_VERDICTS = 2000
# Scheme and path (RFC 3986, appendix B); unlike `urlsplit` it accepts any text.
_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://[^/?#]*)?([^?#]*)")
# A name that is not UTF-8 keeps its bytes, so that rules can match it.
_EXACT = "surrogateescape"
# A file in a commit, as Git plugins write it: `/repo/.git//0/a.py`, `/repo/.git//HEAD:a.py`, `/repo/.git/:0:/a.py`.
_IN_COMMIT = re.compile(r"/\.git/+(?::\d:/?|[^/:]+[:/])")


@dataclass(frozen=True)
class _Root:
    """A folder of the workspace, and the top of its repository; the folder itself outside a repository."""

    folder: Path
    top: Path


class Privacy:
    """Decides which files are private; reads ignore files again when they change.

    Args:
        ignore: The setting `privacy.ignore`.
        seen: Gets each file whose content verdicts depend on, whether it exists or not.
    """

    def __init__(self, ignore: Sequence[str], seen: set[Path] | None = None) -> None:
        self._setting = IgnoreSetting(ignore)
        self._files, self._seen = IgnoreFiles(seen=seen), seen
        self._verdicts: dict[tuple[str, tuple[Path, ...]], tuple[float, Rule | None]] = {}
        self._roots: dict[tuple[Path, ...], tuple[float, tuple[_Root, ...]]] = {}
        self._inner: dict[tuple[Path, Path], tuple[float, list[Path]]] = {}

    def rule_for(self, uri: str, roots: Sequence[Path]) -> Rule | None:
        """Return the rule that keeps the document of ``uri`` private; None if it is not private.

        The path in the URI counts, whatever the scheme. With links, both the path as written and its target count: one
        match is enough. Changed ignore files take effect some seconds (`KEEP_S`) later.

        The setting's globs are relative to the root of the workspace, or to the root of the file system for a file
        outside it; they ignore case. Git's rules count from the top of the workspace's repository, or else from the
        workspace's root, and for a repository inside it from its own top as well: one match is enough. `.infillignore`
        comes before Git's rules; nothing includes a file again that the setting names. Outside the workspace only
        `.infillignore` counts, from the top of the repository: that Git does not track a file there, such as an
        installed library, does not make it private.
        """
        key = (uri, tuple(roots))
        known = self._verdicts.get(key)
        now = time.monotonic()
        if known is not None and now - known[0] < KEEP_S:
            return known[1]
        if len(self._verdicts) >= _MAX_VERDICTS:
            self._verdicts.clear()
        rule = self._find(uri, roots)
        self._verdicts[key] = (now, rule)
        return rule

    def _find(self, uri: str, roots: Sequence[Path]) -> Rule | None:
        known = self._roots_of(tuple(roots))
        found = (self._rule_of(path, known) for path in dict.fromkeys(_paths_behind(uri)))
        return next((rule for rule in found if rule is not None), None)

    def _rule_of(self, path: Path, roots: Sequence[_Root]) -> Rule | None:
        root = next((root for root in roots if path.is_relative_to(root.folder)), None)
        rule = self._setting.rule_for(path.relative_to(root.folder) if root else path)
        if rule is not None:
            return rule
        if root is None:
            top = repository_of(path) if path.is_absolute() else None
            return None if top is None else self._files.rule_for(path, top, only_own=True)
        tops = dict.fromkeys([root.top, *self._repositories_of(path, root.folder)])
        found = (self._files.rule_for(path, top, opened=root.folder) for top in tops)
        return next((rule for rule in found if rule is not None), None)

    def _repositories_of(self, path: Path, outermost: Path) -> list[Path]:
        key = (path.parent, outermost)
        known = self._inner.get(key)
        now = time.monotonic()
        if known is not None and now - known[0] < KEEP_S:
            return known[1]
        if len(self._inner) >= _MAX_VERDICTS:
            self._inner.clear()
        found = repositories_of(path, outermost)
        if (
            self._seen is not None
        ):  # the first is a file in a working tree or submodule, the second is in every other one
            below = [folder for folder in path.parents if folder.is_relative_to(outermost)]
            self._seen.update(folder / name for folder in below for name in (".git", ".git/config"))
        self._inner[key] = (now, found)
        return found

    def _roots_of(self, roots: tuple[Path, ...]) -> tuple[_Root, ...]:
        known = self._roots.get(roots)
        now = time.monotonic()
        if known is not None and now - known[0] < KEEP_S:
            return known[1]
        both = dict.fromkeys([*roots, *(_resolved(root) for root in roots)])
        found = tuple(_Root(folder, repository_of(folder / "file") or folder) for folder in both)
        self._roots = {roots: (now, found)}
        return found


def path_of(uri: str, errors: str = "replace") -> Path | None:
    """Return the path of a URI or of a plain path; None for a document that is not a file, such as ``untitled:1``.

    Args:
        uri: The URI.
        errors: What becomes of bytes that are not UTF-8, as for `bytes.decode`.
    """
    scheme, path = _parts(uri, errors)
    if len(scheme) < 2:  # a path, perhaps with a drive letter
        return Path(uri).absolute()
    return _path(path) if scheme in {"file", "vscode-notebook-cell"} else None


def _paths_behind(uri: str) -> Iterator[Path]:
    """Yield every path that a URI may refer to, the likeliest first, each as written and with its links resolved."""
    written = []
    path = path_of(uri, _EXACT)
    if path is None:
        # An old version of a file, a file on another machine, or one not saved yet is as private as the file itself.
        text = _parts(uri, _EXACT)[1]
        written = [_path(text.replace(":", "/")), _path(_IN_COMMIT.sub("/", text)), _path(text)]
    else:
        written = [path]
        if "?" in uri or "#" in uri:  # Some editors do not escape them.
            written.append(_path(unquote(uri.partition(":")[2], errors=_EXACT)))
    for path in written:
        yield path
        if path.is_absolute():
            yield _resolved(path)


def _parts(uri: str, errors: str = "replace") -> tuple[str, str]:
    """Return scheme and path of a URI."""
    match = _URI.match(uri)
    return ((match[1] or "").lower(), unquote(match[2], errors=errors)) if match else ("", "")


def _path(text: str) -> Path:
    is_drive = len(text) > 2 and text[0] == "/" and text[2] == ":"
    return Path(text[1:] if is_drive else text)


def _resolved(path: Path) -> Path:
    """Return a path with its links resolved."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):  # a name that no file can have
        return path


def relative_path(uri: str, roots: Sequence[Path]) -> str:
    """Return the name of a file in a prompt: its path below the workspace's root, else its last two parts."""
    path = path_of(uri)
    if path is None:
        return PurePosixPath(_parts(uri)[1]).name or "untitled"
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return path.relative_to(root).as_posix() if root else "/".join(path.parts[-2:]).lstrip("/")
