"""What a repository lets a model learn, and what it is examined on: permitted files, and lines of the newest commits.

The examination is on commits that the lessons do not contain: files are as they were before the oldest of them.  Git
only reads, asks nothing of a network, and runs no program of the repository's configuration.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from infill_completion.engine.learning.exam import ExamHole, holes_of
from infill_completion.engine.learning.objects import GitObjects, HistoryError
from infill_completion.engine.learning.texts import FILE_MODES, readable, shown
from infill_completion.languages.registry import language_id_of
from infill_completion.privacy.git.working_tree import ForeignHistoryError, own_top

MAX_FILES = 4000
MAX_TEXT_CHARS = 64_000_000  # of all files together
MAX_COMMITS = 60
MAX_EXAMINED_SHARE = 3  # at most a third of the commits
MIN_HOLES, MAX_HOLES = 24, 60


@dataclass(frozen=True)
class LessonFile:
    """A file to learn from; ``is_recent`` if one of the last commits before the examined ones changed it."""

    path: str
    text: str
    is_recent: bool


@dataclass(frozen=True)
class RepositoryHistory:
    """What a repository offers.

    Attributes:
        top: Its top folder.
        commit: Its newest commit.
        examined: How many of the newest commits are held out.
        files: The files to learn from.
        holes: The places to be examined on.
    """

    top: Path
    commit: str
    examined: int
    files: list[LessonFile]
    holes: list[ExamHole]


def history_of(
    folder: Path, is_private: Callable[[Path], bool], wait: Callable[[], None] = lambda: None
) -> RepositoryHistory:
    """Return what the repository of a folder offers.

    Args:
        folder: Lies in the repository.
        is_private: Return whether a file must not reach a model; an error of it counts as private.
        wait: Called before each file is read; returns once the work may go on.

    Raises:
        HistoryError: There is no repository, or it has too few commits or too little permitted text.
    """
    top = top_of(folder)
    git = GitObjects(top)
    head = newest_commit(top)
    commits = git.text("rev-list", f"-n{MAX_COMMITS}", "--no-merges", head).split()
    # Of a folder that is not checked out, the rules are not on the disk either.
    permitted = _permitted(top, lambda path: not os.path.lexists(path) or is_private(path))
    holes, examined, base = _exam(git, commits, permitted, wait)
    if len(holes) < MIN_HOLES:
        raise HistoryError(
            f"The newest commits of {top} have too few lines that a model may see ({len(holes)} of {MIN_HOLES}); "
            "nothing was learned, because nothing could be judged. Try again after some more commits."
        )
    files = _files_at(git, base, head, permitted, _changed(git, commits[examined:]), wait)
    if not files:
        raise HistoryError(f"No file of {top} may be learned from; see privacy.ignore.")
    return RepositoryHistory(top, head, examined, files, holes[:MAX_HOLES])


def _exam(
    git: GitObjects, commits: Sequence[str], permitted: Callable[[str], bool], wait: Callable[[], None]
) -> tuple[list[ExamHole], int, str]:
    """Return holes in the newest of some commits, how many of these are examined, and the commit to learn from."""
    found: dict[str, list[ExamHole]] = {}
    for commit in commits[: len(commits) // MAX_EXAMINED_SHARE]:
        if sum(map(len, found.values())) >= MAX_HOLES:
            break
        found[commit] = holes_of(git, commit, permitted, wait)
    if not found:
        return [], 0, ""
    parents = git.text("rev-list", "--parents", "-n1", [*found][-1]).split()[1:]
    base = (parents or commits[len(found) :])[0]
    # Where clocks were wrong, or histories were joined, a commit that counts as newer can be a part of the base.
    new = set(git.text("rev-list", "--no-merges", *found, "--not", base).split())
    return [hole for commit, some in found.items() if commit in new for hole in some], len(found), base


def newest_commit(top: Path) -> str:
    """Return the newest commit of a repository.

    Raises:
        HistoryError: There is none.
    """
    return GitObjects(top).text("rev-parse", "--verify", "HEAD^{commit}").strip()


def files_digest(top: Path, commit: str, is_private: Callable[[Path], bool]) -> str:
    """Return a hash of which files of a commit may be learned from; at one commit it depends on the rules alone.

    Raises:
        HistoryError: There is no such commit.
    """
    permitted = _permitted(top, is_private)
    paths = sorted(path for path, _ in _tracked(GitObjects(top), commit) if permitted(path))
    return hashlib.sha256("\0".join(paths).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def top_of(folder: Path) -> Path:
    """Return the top of a folder's repository, which must not be that of another folder, with other rules.

    Raises:
        HistoryError: There is no repository, or it belongs to another folder.
    """
    try:
        return own_top(folder, GitObjects(folder))
    except ForeignHistoryError as error:
        raise HistoryError(
            f"The repository of {folder} {error}; learning needs a repository whose files lie beside its .git."
        ) from error


def _permitted(top: Path, is_private: Callable[[Path], bool]) -> Callable[[str], bool]:
    known: dict[str, bool] = {}

    def permitted(path: str) -> bool:
        if path not in known:
            try:
                known[path] = language_id_of(path) != "plaintext" and not is_private(top / path)
            except Exception:  # privacy fails closed
                known[path] = False
        return known[path]

    return permitted


def _changed(git: GitObjects, commits: Sequence[str]) -> frozenset[str]:
    """Return the paths that commits have changed."""
    if not commits:
        return frozenset()
    names = git("diff-tree", "--stdin", "-r", "--root", "--no-commit-id", "--name-only", "-z", "--no-renames",
                given="".join(f"{commit}\n" for commit in commits).encode())  # fmt: skip
    return frozenset(name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name)


def _files_at(
    git: GitObjects,
    commit: str,
    head: str,
    permitted: Callable[[str], bool],
    recent: frozenset[str],
    wait: Callable[[], None],
) -> list[LessonFile]:
    """Return the files of a commit that ``head`` still has: nobody keeps a file private that is gone."""
    kept = {path for path, _ in _tracked(git, head)}
    known = [each for each in _tracked(git, commit) if each[0] in kept]
    known.sort(key=lambda each: each[0] not in recent)
    wanted = list(islice((each for each in known if permitted(each[0])), MAX_FILES))
    files: list[LessonFile] = []
    left = MAX_TEXT_CHARS
    for (path, _), data in zip(wanted, git.blobs([blob for _, blob in wanted]), strict=True):
        wait()
        text = readable(data)
        if text is None:
            continue
        left -= len(text)
        if left < 0:
            break
        files.append(LessonFile(shown(path), text, path in recent))
    return files


def _tracked(git: GitObjects, commit: str) -> list[tuple[str, str]]:
    """Return the path and the object of each file of a commit."""
    entries = [entry.partition("\t") for entry in git.text("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")]
    return [(path, head.split()[2]) for head, _, path in entries if head[:6] in FILE_MODES]
