"""Commits of a git repository as hunks, for `infill-ls bench edits`."""

from __future__ import annotations

import difflib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_completion.document.lines import split_lines
from infill_completion.languages.registry import grammar_of, language_id_of

# Files with more lines, and changes of more hunks, are left out: they were not made by hand.
MAX_LINES = 5000
MAX_HUNKS = 40
_SEPARATOR = "\x1e"


@dataclass(frozen=True)
class FileChange:
    """What a commit changed in one file.

    Attributes:
        commit: The commit's abbreviated name.
        path: The file.
        language_id: LSP's language id.
        before: The lines before the commit, with their line ends.
        hunks: What was replaced: first and last line before (the last excluded), and the new lines, from top to bottom.
    """

    commit: str
    path: str
    language_id: str
    before: tuple[str, ...]
    hunks: tuple[tuple[int, int, tuple[str, ...]], ...]


def changes_of(repository: Path, commits: int) -> Iterator[FileChange]:
    """Yield the changed files of the newest commits with one parent, the newest first.

    Args:
        repository: A folder in a git repository.
        commits: How many commits are looked at.

    Raises:
        ValueError: It is no git repository, or git is missing.
    """
    listing = _git(repository, "log", "--no-merges", f"-{commits}", "--format=%h")
    for commit in listing.split():
        names = _git(repository, "diff-tree", "-r", "--no-commit-id", "--name-status", "--diff-filter=M", commit)
        for line in names.splitlines():
            path = line.partition("\t")[2]
            language_id = language_id_of(path)
            if grammar_of(language_id) is None:
                continue
            try:
                before, after = (_git(repository, "show", f"{name}:{path}") for name in (f"{commit}~", commit))
            except ValueError:  # the first commit, or a name that git quotes
                continue
            old, new = split_lines(before), split_lines(after)
            if max(len(old), len(new)) > MAX_LINES:
                continue
            hunks = tuple(_hunks(old, new))
            if 0 < len(hunks) <= MAX_HUNKS:
                yield FileChange(commit, path, language_id, tuple(old), hunks)


def _hunks(old: list[str], new: list[str]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, end, start, stop in matcher.get_opcodes():
        if kind == "equal":
            continue
        if kind == "replace" and end - first == stop - start:  # each line for itself
            for index in range(end - first):
                yield first + index, first + index + 1, (new[start + index],)
        else:
            yield first, end, tuple(new[start:stop])


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError as error:
        raise ValueError("git was not found; install it to read histories.") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ValueError(f"git cannot read {repository} ({reason[0] if reason else 'no reason given'}).") from error
    return done.stdout.decode("utf-8", "replace")
