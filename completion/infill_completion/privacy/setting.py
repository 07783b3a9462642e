"""The setting `privacy.ignore`: globs that no ignore file can take back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath

from infill_completion.privacy.git.patterns import Patterns, TooManyPatternsError, lines_of
from infill_completion.privacy.ignore_files import Rule

_ORIGIN = "setting privacy.ignore"
_TOO_MANY = "The setting privacy.ignore has too many patterns to match; shorten it."
_MAX_FOLDERS = 5000


class IgnoreSetting:
    """Matches paths with the setting; case is ignored, since `.ENV` is `.env` on Windows and macOS."""

    def __init__(self, ignore: Sequence[str]) -> None:
        self._written = {line: pattern for pattern in ignore for line in _lines(pattern)}
        self._folders: dict[PurePath, Rule | None] = {}
        self._patterns: Patterns | None
        try:
            self._patterns = Patterns([line for pattern in ignore for line in _lines(pattern)])
        except TooManyPatternsError:
            self._patterns = None

    def rule_for(self, path: PurePath) -> Rule | None:
        """Return the rule that keeps a file private; a slash at the beginning of ``path`` does not count."""
        try:
            return self._of_folder(path.parent) or self._match(path, is_folder=False)
        except TooManyPatternsError:
            return Rule("everything", _ORIGIN, _TOO_MANY)

    def _of_folder(self, folder: PurePath) -> Rule | None:
        """Return the rule that keeps everything in a folder private."""
        if folder in self._folders:
            return self._folders[folder]
        if len(self._folders) >= _MAX_FOLDERS:
            self._folders.clear()
        rule = None
        for step in (*reversed(folder.parents), folder):
            if step.name:  # The root, `.`, is what patterns are relative to, not an entry that `.*` could name.
                rule = rule or self._match(step, is_folder=True)
        self._folders[folder] = rule
        return rule

    def _match(self, path: PurePath, *, is_folder: bool) -> Rule | None:
        if self._patterns is None:
            raise TooManyPatternsError
        shown = os.fsencode(path.as_posix().lstrip("/").lower())
        found = self._patterns.match(shown, is_folder=is_folder)
        if found is None or found.is_negative:
            return None
        return Rule(self._written[found.written], _ORIGIN)


def _lines(pattern: str) -> list[bytes]:
    return lines_of(pattern.lower().encode("utf-8", "replace"))
