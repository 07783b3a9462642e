"""The text of an ignore file: nothing is raised, and the verdict on each path is Git's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from infill_completion.privacy.git.patterns import Patterns
from tests.privacy.git_cases import Repository, differences

_SEEDS = (
    b"*.log\n!keep.log\nbuild/\n/a\n",
    b"**/a/*\n!a/b\na/**/b\n**\n",
    b"\xef\xbb\xbf[a-c]*\n[[:alpha:]]\n[!a]b\n[]a]\n",
    b"a\\ \n\\#a\n\\!a\nb \nc\\\\\n",
    b"*a*a*a*b\r\n?/?\n***/b\n",
)
_PATHS = (
    # None of them is a folder of another: Git looks whether a path is a folder.
    *(b"b", b"a.log", b"keep.log", b"build/a", b"a/b", b"a/c/b", b"a/d/c/d", b"#a", b"!a", b"a ", b"a]"),
    *(b"[a]", b"*", b"\xff", "é".encode(), b"aaaaaaaaaaaaaaaaab", b"A", b"x/b", b"x/a/b", b"a\\b", b"a\\/b", b"c\\"),
)


class IgnoreFile:
    """An ignore file at the top of a repository."""

    name = "ignore-file"

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def seeds(self) -> Sequence[bytes]:
        """Return ignore files."""
        return _SEEDS

    def run(self, data: bytes) -> None:
        """Match some paths, and compare with Git where it is installed."""
        patterns = Patterns.of_file(data)
        for path in _PATHS:
            patterns.match(path, is_folder=False)
        if shutil.which("git") is None:
            return
        self._folder = self._folder or tempfile.TemporaryDirectory()
        home = Path(self._folder.name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
            patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
            found = differences(Repository({".gitignore": data}, _PATHS, ignores_case=False), home)
        assert not found, str(found[0])
