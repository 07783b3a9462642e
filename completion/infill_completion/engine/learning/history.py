"""What a repository lets a model learn, and what it is examined on: permitted files, and lines of the newest commits.

The examination is on commits that the lessons do not contain: files are as they were before the oldest of them.  Git
only reads, asks nothing of a network, and runs no program of the repository's configuration.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.languages.registry import language_id_of
from infill_completion.privacy.git.program import git_command, git_environment
from infill_completion.privacy.git.repository import repository_of
from infill_completion.privacy.masking import mask_secrets

MAX_CHARS, MIN_CHARS = 150_000, 200
MAX_FILES = 4000
MAX_COMMITS = 60
MAX_EXAMINED_SHARE = 3  # at most a third of the commits
MIN_HOLES, MAX_HOLES = 24, 60
_LINES_OF_FILE = 4  # examined of a file in a commit, so that one file does not decide
_MIN_LINE_CHARS = 6
_GIT_S = 60.0
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_FILE_MODES = ("100644", "100755")


class HistoryError(Exception):
    """The repository cannot be learned from; the message is a sentence with the next step."""


@dataclass(frozen=True)
class LessonFile:
    """A file to learn from; ``is_recent`` if one of the last commits before the examined ones changed it."""

    path: str
    text: str
    is_recent: bool


@dataclass(frozen=True)
class ExamHole:
    """A place of an examined commit; ``text[start:end]`` is what was written there."""

    path: str
    text: str
    start: int
    end: int


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


class _Git:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what a command prints.

        Raises:
            HistoryError: There is no Git, or the command fails.
        """
        try:
            done = subprocess.run(
                git_command(self._folder, *arguments), input=given, capture_output=True, check=True, timeout=_GIT_S,
                env=git_environment(),
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise HistoryError(
                f"Git cannot read the history of {self._folder} ({type(error).__name__}); "
                "learning needs a Git repository with commits."
            ) from error
        return done.stdout

    def text(self, *arguments: str) -> str:
        """Return what a command prints, as text."""
        return self(*arguments).decode("utf-8", "surrogateescape")

    def blobs(self, names: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents of objects."""
        answer = self("cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode())
        at = 0
        for _ in names:
            end = answer.index(b"\n", at)
            head = answer[at:end].split()
            size = 0 if head[-1] == b"missing" else int(head[-1])
            yield answer[end + 1 : end + 1 + size]
            at = end + 1 + (0 if head[-1] == b"missing" else size + 1)


def history_of(folder: Path, is_private: Callable[[Path], bool]) -> RepositoryHistory:
    """Return what the repository of a folder offers.

    Args:
        folder: Lies in the repository.
        is_private: Return whether a file must not reach a model; an error of it counts as private.

    Raises:
        HistoryError: There is no repository, or it has too few commits or too little permitted text.
    """
    top = _top_of(folder)
    git = _Git(top)
    commits = git.text("rev-list", f"-n{MAX_COMMITS}", "--no-merges", "HEAD").split()
    permitted = _permitted(top, is_private)
    holes: list[ExamHole] = []
    examined = 0
    for commit in commits[: len(commits) // MAX_EXAMINED_SHARE]:
        if len(holes) >= MAX_HOLES:
            break
        holes += _holes_of(git, commit, permitted)
        examined += 1
    if len(holes) < MIN_HOLES:
        raise HistoryError(
            f"The newest commits of {top} have too few lines that a model may see ({len(holes)} of {MIN_HOLES}); "
            "nothing was learned, because nothing could be judged. Try again after some more commits."
        )
    base = f"{commits[examined - 1]}^"
    files = _files_at(git, base, permitted, _changed(git, commits[examined:]))
    if not files:
        raise HistoryError(f"No file of {top} may be learned from; see privacy.ignore.")
    return RepositoryHistory(top, commits[0], examined, files, holes[:MAX_HOLES])


def _top_of(folder: Path) -> Path:
    """Return the top of a folder's repository; ``core.worktree`` must not name another folder, with other rules.

    Raises:
        HistoryError: There is no repository, or it names another folder.
    """
    told = Path(_Git(folder).text("rev-parse", "--show-toplevel").rstrip("\n"))
    top = repository_of(Path(os.path.realpath(folder)) / "file")
    if top is None or not _is_same(top, told):
        raise HistoryError(
            f"The repository of {folder} says that its files lie in {told}; "
            "learning needs a repository whose files lie beside its .git (see core.worktree)."
        )
    return top


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


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


def _readable(data: bytes) -> str | None:
    """Return the text of a file, or None if a model should not learn it: other encodings, and files with secrets."""
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None
    if not MIN_CHARS <= len(text) <= MAX_CHARS or "\0" in text:
        return None
    return None if mask_secrets(text).kinds else text


def _changed(git: _Git, commits: Sequence[str]) -> frozenset[str]:
    """Return the paths that commits have changed."""
    if not commits:
        return frozenset()
    names = git("diff-tree", "--stdin", "-r", "--root", "--no-commit-id", "--name-only", "-z", "--no-renames",
                given="".join(f"{commit}\n" for commit in commits).encode())  # fmt: skip
    return frozenset(name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name)


def _files_at(git: _Git, commit: str, permitted: Callable[[str], bool], recent: frozenset[str]) -> list[LessonFile]:
    wanted: list[tuple[str, str]] = []
    for entry in git.text("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split("\0"):
        head, _, path = entry.partition("\t")
        if head[:6] in _FILE_MODES and int(head.split()[3]) <= 4 * MAX_CHARS and permitted(path):
            wanted.append((path, head.split()[2]))
    wanted.sort(key=lambda each: each[0] not in recent)
    del wanted[MAX_FILES:]
    contents = git.blobs([blob for _, blob in wanted])
    files = [(path, _readable(data)) for (path, _), data in zip(wanted, contents, strict=True)]
    return [LessonFile(path, text, path in recent) for path, text in files if text is not None]


def _written(git: _Git, commit: str) -> list[tuple[str, str, str]]:
    """Return path, mode and object of each file that a commit has written."""
    answer = git.text(
        "diff-tree", "-r", "--root", "--no-commit-id", "--raw", "-z", "--no-renames", "--no-abbrev", commit
    )
    parts = answer.split("\0")[:-1]
    heads = [head.split() for head in parts[::2]]
    return [(path, head[1], head[3]) for head, path in zip(heads, parts[1::2], strict=True) if head[4] != "D"]


def _holes_of(git: _Git, commit: str, permitted: Callable[[str], bool]) -> list[ExamHole]:
    """Return holes in the lines that a commit added: the rest of a line from a place in it."""
    chance = random.Random(commit)
    holes: list[ExamHole] = []
    for path, mode, blob in _written(git, commit):
        text = _readable(next(git.blobs([blob]))) if mode in _FILE_MODES and permitted(path) else None
        if text is None:
            continue
        difference = git.text(
            "diff-tree", "-p", "-U0", "--root", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-commit-id",
            commit, "--", path,
        )  # fmt: skip
        holes += _some(path, text, _added(difference), chance)
    return holes


def _added(difference: str) -> list[int]:
    """Return the numbers of the lines that a difference adds, from 0 on."""
    numbers: list[int] = []
    for match in _HUNK.finditer(difference):
        first, count = int(match[1]), int(match[2] or 1)
        numbers += range(first - 1, first - 1 + count)
    return numbers


def _some(path: str, text: str, numbers: list[int], chance: random.Random) -> list[ExamHole]:
    lines = text.split("\n")
    long = [number for number in numbers if number < len(lines) and len(lines[number].strip()) >= _MIN_LINE_CHARS]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    holes = []
    for number in sorted(chance.sample(long, min(len(long), _LINES_OF_FILE))):
        line = lines[number].rstrip()
        indent = len(line) - len(line.lstrip())
        start = starts[number] + chance.randrange(indent, len(line) - 2)
        holes.append(ExamHole(path, text, start, starts[number] + len(line)))
    return holes
