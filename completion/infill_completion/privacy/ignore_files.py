"""The ignore files that are in effect in a folder: Git's, and `.infillignore`, which is stronger.

The order of strength is Git's (gitignore(5)): the `.gitignore` of the file's folder, those of the folders above it,
then `info/exclude` of the repository, then `core.excludesFile`. What is ignored with its folder stays ignored, whatever
is said in the folder. `.infillignore` has the same syntax and comes before all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from infill_completion.privacy.git.config import read_git_config
from infill_completion.privacy.git.files import UnreadableRulesError, read_rules, stamp_of
from infill_completion.privacy.git.patterns import Pattern, Patterns, TooManyPatternsError
from infill_completion.privacy.git.repository import Repository

GIT_IGNORE = ".gitignore"
OWN_IGNORE = ".infillignore"
# The time for which the ignore files of a folder count as unchanged, so that an index need not check them for each
# file.
KEEP_S = 1.0
_MAX_FOLDERS = 5000
_MAX_FILES = 5000

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Rule:
    """What keeps a file private: a pattern and its origin, which is a path or the name of the setting.

    Attributes:
        pattern: The pattern as written.
        origin: Where it is written.
        problem: A sentence with the next step if the rules cannot be read, so that everything is private.
    """

    pattern: str
    origin: str
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.pattern} ({self.origin})"


@dataclass(frozen=True)
class _Source:
    """An ignore file: its patterns, and how many bytes of a path are its folder's."""

    patterns: Patterns
    file: Path
    skipped: int

    def match(self, path: bytes, *, is_folder: bool) -> Pattern | None:
        try:
            return self.patterns.match(path[self.skipped :], is_folder=is_folder)
        except TooManyPatternsError:
            raise _too_many(self.file) from None


@dataclass(frozen=True)
class _Folder:
    """What is in effect for the entries of a folder.

    Attributes:
        rule: What makes everything in it private, if anything does.
        own: The files `.infillignore`, the strongest first.
        git: The files of Git, the strongest first, without those in ``excludes``.
        excludes: Those that Git's configuration names, of which any can ignore a path.
    """

    checked_s: float
    rule: Rule | None = None
    own: tuple[_Source, ...] = ()
    git: tuple[_Source, ...] = ()
    excludes: tuple[_Source, ...] = ()
    ignores_case: bool = False

    def verdict(self, path: bytes, *, is_folder: bool) -> tuple[Rule | None, _Source | None, Pattern | None]:
        """Return the rule that ignores an entry, and the pattern that it comes from."""
        for sources in (self.own, self.git):
            for source in sources:
                found = source.match(path, is_folder=is_folder)
                if found is not None:
                    return (None, None, None) if found.is_negative else (_rule(found, source), source, found)
        for source in self.excludes:
            found = source.match(path, is_folder=is_folder)
            if found is not None and not found.is_negative:
                return _rule(found, source), source, found
        return None, None, None

    def without(self, source: _Source, pattern: Pattern) -> _Folder:
        """Return the same without a pattern."""
        other = replace(source, patterns=source.patterns.without(pattern))
        git, excludes = (
            tuple(other if kept is source else kept for kept in sources) for sources in (self.git, self.excludes)
        )
        return replace(self, git=git, excludes=excludes)


class IgnoreFiles:
    """Reads ignore files, and reads them again if they have changed after `KEEP_S`.

    Args:
        clock: Counts seconds.
        seen: Gets each file whose content verdicts depend on, whether it exists or not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, seen: set[Path] | None = None) -> None:
        self._clock, self._seen = clock, seen
        self._files: dict[tuple[Path, bool], tuple[Stamp, Patterns]] = {}
        self._folders: dict[tuple[Path, Path | None, bool, Path], _Folder] = {}

    def rule_for(self, path: Path, top: Path, *, opened: Path | None = None, only_own: bool = False) -> Rule | None:
        """Return the rule that ignores ``path``.

        A file with rules that cannot be read makes everything private that it could name.

        Args:
            path: The file, below ``top``.
            top: The first folder whose ignore files count; if it is the top of a repository, Git's exclude files count.
            opened: The folder of the workspace. A pattern of Git from above it that ignores the whole folder does not
                make its files private: the user opened it to work in it.
            only_own: Whether only `.infillignore` counts.
        """
        try:
            folder = self._folder(path.parent, top, opened, only_own=only_own)
            return folder.rule or folder.verdict(_below(path, top), is_folder=False)[0]
        except UnreadableRulesError as error:
            return _unreadable(error)

    def _folder(self, folder: Path, top: Path, opened: Path | None, *, only_own: bool) -> _Folder:
        """Return what is in effect in ``folder``, which is ``top`` or below."""
        key = (top, opened, only_own, folder)
        known = self._folders.get(key)
        if known is not None and self._clock() - known.checked_s < KEEP_S:
            return known
        if len(self._folders) >= _MAX_FOLDERS:
            self._folders.clear()
        state = self._top(top, only_own=only_own)
        at = top
        for part in folder.relative_to(top).parts:
            at = at / part
            step = (top, opened, only_own, at)
            known = self._folders.get(step)
            if known is not None and self._clock() - known.checked_s < KEEP_S:
                state = known
            elif state.rule is None:
                is_opened = opened is not None and opened.is_relative_to(at)
                self._folders[step] = state = self._entered(state, at, top, is_opened=is_opened, only_own=only_own)
        self._folders[key] = state
        return state

    def _top(self, top: Path, *, only_own: bool) -> _Folder:
        """Return what is in effect at the top, which is the top of a repository, or a folder outside of any."""
        known = self._folders.get((top, None, only_own, top))
        if known is not None and self._clock() - known.checked_s < KEEP_S:
            return known
        state = _Folder(self._clock())
        try:
            if not only_own:
                repository = Repository.at(top)
                config = read_git_config(repository)
                self._see(*config.files)
                state = replace(state, ignores_case=config.ignores_case)
                exclude = self._sources(repository.common / "info" / "exclude", 0, ignores_case=config.ignores_case)
                named = [self._sources(file, 0, ignores_case=config.ignores_case) for file in config.excludes]
                state = replace(state, git=exclude, excludes=tuple(source for sources in named for source in sources))
            state = self._with_files(state, top, 0, only_own=only_own)
        except UnreadableRulesError as error:
            state = replace(state, rule=_unreadable(error))
        self._folders[top, None, only_own, top] = state
        return state

    def _entered(self, above: _Folder, folder: Path, top: Path, *, is_opened: bool, only_own: bool) -> _Folder:
        """Return what is in effect in a folder, given what is in effect in the folder above it."""
        path = _below(folder, top)
        try:
            rule, source, pattern = above.verdict(path, is_folder=True)
            while is_opened and source is not None and pattern is not None and source.file.name != OWN_IGNORE:
                above = above.without(source, pattern)
                rule, source, pattern = above.verdict(path, is_folder=True)
            state = replace(above, checked_s=self._clock(), rule=rule)
            return state if rule else self._with_files(state, folder, len(path) + 1, only_own=only_own)
        except UnreadableRulesError as error:
            return replace(above, checked_s=self._clock(), rule=_unreadable(error))

    def _with_files(self, state: _Folder, folder: Path, skipped: int, *, only_own: bool) -> _Folder:
        own = self._sources(folder / OWN_IGNORE, skipped, ignores_case=state.ignores_case)
        git = () if only_own else self._sources(folder / GIT_IGNORE, skipped, ignores_case=state.ignores_case)
        return replace(state, own=own + state.own, git=git + state.git)

    def _sources(self, file: Path, skipped: int, *, ignores_case: bool) -> tuple[_Source, ...]:
        """Return an ignore file as a source; nothing if it is missing."""
        self._see(file)
        stamp = stamp_of(file)
        key = (file, ignores_case)
        known = self._files.get(key)
        if stamp is not None and known is not None and known[0] == stamp:
            return (_Source(known[1], file, skipped),)
        content = read_rules(file)
        if stamp is None or content is None:
            self._files.pop(key, None)
            return ()
        try:
            patterns = Patterns.of_file(content, ignores_case=ignores_case)
        except TooManyPatternsError:
            raise _too_many(file) from None
        if len(self._files) >= _MAX_FILES:
            self._files.clear()
        self._files[key] = (stamp, patterns)
        return (_Source(patterns, file, skipped),)

    def _see(self, *files: Path) -> None:
        if self._seen is not None:
            self._seen.update(files)


def _below(path: Path, top: Path) -> bytes:
    return os.fsencode(path.relative_to(top).as_posix())


def _rule(pattern: Pattern, source: _Source) -> Rule:
    return Rule(pattern.written.decode("utf-8", "replace"), str(source.file))


def _unreadable(error: UnreadableRulesError) -> Rule:
    return Rule("everything", str(error.file), str(error))


def _too_many(file: Path) -> UnreadableRulesError:
    return UnreadableRulesError(file, "has too many patterns to match")
