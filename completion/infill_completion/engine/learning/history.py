"""What a repository lets a model learn, and what it is examined on: permitted files, and lines of the newest commits.

The examination is on commits that the lessons do not contain: files are as they were before the oldest of them.  Git
only reads, asks nothing of a network, and runs no program of the repository's configuration.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from infill_completion.engine.learning.objects import GitObjects, HistoryError
from infill_completion.languages.registry import language_id_of
from infill_completion.privacy.git.working_tree import ForeignHistoryError, own_top
from infill_completion.privacy.masking import mask_secrets

MAX_CHARS, MIN_CHARS = 150_000, 200
MAX_FILES = 4000
MAX_TEXT_CHARS = 64_000_000  # of all files together
MAX_COMMITS = 60
MAX_PATHS_OF_COMMIT = 30  # examined; of a larger commit, so many by chance
MAX_EXAMINED_SHARE = 3  # at most a third of the commits
MIN_HOLES, MAX_HOLES = 24, 60
_LINES_OF_FILE = 4  # examined of a file in a commit, so that one file does not decide
_MIN_LINE_CHARS = 6
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_FILE_MODES = ("100644", "100755")


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
    commits = _newest(git, MAX_COMMITS)
    permitted = _permitted(top, is_private)
    holes: list[ExamHole] = []
    examined = 0
    for commit in commits[: len(commits) // MAX_EXAMINED_SHARE]:
        if len(holes) >= MAX_HOLES:
            break
        holes += _holes_of(git, commit, permitted, wait)
        examined += 1
    if len(holes) < MIN_HOLES:
        raise HistoryError(
            f"The newest commits of {top} have too few lines that a model may see ({len(holes)} of {MIN_HOLES}); "
            "nothing was learned, because nothing could be judged. Try again after some more commits."
        )
    base = f"{commits[examined - 1]}^"
    files = _files_at(git, base, permitted, _changed(git, commits[examined:]), wait)
    if not files:
        raise HistoryError(f"No file of {top} may be learned from; see privacy.ignore.")
    return RepositoryHistory(top, commits[0], examined, files, holes[:MAX_HOLES])


def newest_commit(top: Path) -> str:
    """Return the newest commit of a repository.

    Raises:
        HistoryError: There is none.
    """
    return _newest(GitObjects(top), 1)[0]


def _newest(git: GitObjects, count: int) -> list[str]:
    return git.text("rev-list", f"-n{count}", "--no-merges", "HEAD").split()


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


def _readable(data: bytes | None) -> str | None:
    """Return the text of a file, or None if a model should not learn it: other encodings, and files with secrets."""
    if data is None:
        return None
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None
    if not MIN_CHARS <= len(text) <= MAX_CHARS or "\0" in text:
        return None
    return None if mask_secrets(text).kinds else text


def _changed(git: GitObjects, commits: Sequence[str]) -> frozenset[str]:
    """Return the paths that commits have changed."""
    if not commits:
        return frozenset()
    names = git("diff-tree", "--stdin", "-r", "--root", "--no-commit-id", "--name-only", "-z", "--no-renames",
                given="".join(f"{commit}\n" for commit in commits).encode())  # fmt: skip
    return frozenset(name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name)


def _files_at(
    git: GitObjects, commit: str, permitted: Callable[[str], bool], recent: frozenset[str], wait: Callable[[], None]
) -> list[LessonFile]:
    known = _tracked(git, commit)
    known.sort(key=lambda each: each[0] not in recent)
    wanted = list(islice((each for each in known if permitted(each[0])), MAX_FILES))
    files: list[LessonFile] = []
    left = MAX_TEXT_CHARS
    for (path, _), data in zip(wanted, git.blobs([blob for _, blob in wanted]), strict=True):
        wait()
        text = _readable(data)
        if text is None:
            continue
        left -= len(text)
        if left < 0:
            break
        files.append(LessonFile(_shown(path), text, path in recent))
    return files


def _tracked(git: GitObjects, commit: str) -> list[tuple[str, str]]:
    """Return the path and the object of each file of a commit."""
    entries = [entry.partition("\t") for entry in git.text("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")]
    return [(path, head.split()[2]) for head, _, path in entries if head[:6] in _FILE_MODES]


def _shown(path: str) -> str:
    """Return a path as a model can read it: without bytes that are not UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(frozen=True)
class _Change:
    """A file that a commit has written, and its objects; before a new file there is none."""

    path: str
    before: str
    after: str


def _written(git: GitObjects, commit: str) -> list[_Change]:
    """Return the source files that a commit has written."""
    answer = git.text(
        "diff-tree", "-r", "--root", "--no-commit-id", "--raw", "-z", "--no-renames", "--no-abbrev", commit
    )
    parts = answer.split("\0")[:-1]
    changes = zip((head.split() for head in parts[::2]), parts[1::2], strict=True)
    return [
        _Change(path, head[2].strip("0") and head[2], head[3])
        for head, path in changes
        if head[4] != "D" and head[1] in _FILE_MODES and language_id_of(path) != "plaintext"
    ]


def _holes_of(
    git: GitObjects, commit: str, permitted: Callable[[str], bool], wait: Callable[[], None]
) -> list[ExamHole]:
    """Return holes in the lines that a commit added: the rest of a line from a place in it."""
    chance = random.Random(commit)
    changes = _written(git, commit)
    if len(changes) > MAX_PATHS_OF_COMMIT:
        changes = [changes[at] for at in sorted(chance.sample(range(len(changes)), MAX_PATHS_OF_COMMIT))]
    changes = [change for change in changes if permitted(change.path)]
    small = git.small([change.before for change in changes if change.before]) | {""}
    holes: list[ExamHole] = []
    for change, data in zip(changes, git.blobs([change.after for change in changes]), strict=True):
        wait()
        text = _readable(data)
        if text is None or change.before not in small:
            continue
        difference = git.text(
            "diff-tree", "-p", "-U0", "--root", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-commit-id",
            commit, "--", change.path,
        )  # fmt: skip
        holes += _some(_shown(change.path), text, _added(difference), chance)
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
