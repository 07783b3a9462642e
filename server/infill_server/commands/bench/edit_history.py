"""Commits of a git repository as hunks, for `infill-ls bench edits`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_completion.document.lines import split_lines
from infill_completion.languages.registry import grammar_of, language_id_of
from infill_server.commands.bench.git import Git, GitRefusedError

# Files with more lines, and changes of more hunks, are left out: they were not made by hand.
MAX_LINES = 5000
MAX_HUNKS = 40

# First and last line before (the last excluded), and the new lines.
LineHunk = tuple[int, int, tuple[str, ...]]


@dataclass(frozen=True)
class FileChange:
    """What a commit changed in one file.

    Attributes:
        commit: The commit's abbreviated name.
        path: The file.
        language_id: LSP's language id.
        before: The lines before the commit, with their line ends.
        hunks: What was replaced, from top to bottom.
    """

    commit: str
    path: str
    language_id: str
    before: tuple[str, ...]
    hunks: tuple[LineHunk, ...]


def changes_of(repository: Path, commits: int) -> Iterator[FileChange]:
    """Yield the changed files of the newest commits with one parent, the newest first.

    Args:
        repository: A folder in a git repository.
        commits: How many commits are looked at.

    Raises:
        GitError: It is no git repository, or git is missing.
    """
    git = Git(repository)
    for commit in git("rev-list", "--no-merges", "--abbrev-commit", f"-n{commits}", "HEAD").decode().split():
        for path in _changed(git, commit):
            language_id = language_id_of(path)
            if grammar_of(language_id) is None:
                continue
            try:
                before, after = (_text(git, f"{name}:{path}") for name in (f"{commit}~", commit))
            except GitRefusedError:  # a submodule, or the parent where a shallow clone ends
                continue
            old, new = split_lines(before), split_lines(after)
            if max(len(old), len(new)) > MAX_LINES:
                continue
            hunks = tuple(hunks_of(old, new))
            if 0 < len(hunks) <= MAX_HUNKS:
                yield FileChange(commit, path, language_id, tuple(old), hunks)


def _changed(git: Git, commit: str) -> Iterator[str]:
    """Yield the paths that a commit modified; those whose names are not UTF-8 are left out."""
    names = git("diff-tree", "-r", "-z", "--no-commit-id", "--name-only", "--diff-filter=M", commit)
    for name in filter(None, names.split(b"\0")):
        try:
            yield name.decode("utf-8")
        except UnicodeDecodeError:
            continue


def _text(git: Git, blob: str) -> str:
    return git("cat-file", "blob", blob).decode("utf-8", "replace")


def hunks_of(old: list[str], new: list[str]) -> Iterator[LineHunk]:
    """Yield what was replaced in lines, from top to bottom."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, end, start, stop in matcher.get_opcodes():
        if kind == "equal":
            continue
        if kind == "replace" and end - first == stop - start:  # each line for itself
            for index in range(end - first):
                yield first + index, first + index + 1, (new[start + index],)
        else:
            yield first, end, tuple(new[start:stop])
