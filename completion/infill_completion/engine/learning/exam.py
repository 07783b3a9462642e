"""Places in the lines of new commits, on which a model is examined."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from infill_completion.engine.learning.objects import GitObjects
from infill_completion.engine.learning.texts import FILE_MODES, readable, shown
from infill_completion.languages.registry import language_id_of

MAX_PATHS_OF_COMMIT = 30  # examined; of a larger commit, so many by chance
_LINES_OF_FILE = 4  # examined of a file in a commit, so that one file does not decide
_MIN_LINE_CHARS = 6
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True)
class ExamHole:
    """A place of an examined commit; ``text[start:end]`` is what was written there."""

    path: str
    text: str
    start: int
    end: int


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
        if head[4] != "D" and head[1] in FILE_MODES and language_id_of(path) != "plaintext"
    ]


def holes_of(
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
        text = readable(data)
        if data is None or text is None or change.before not in small or _has_lone_returns(data):
            continue
        difference = git.text(
            "diff-tree", "-p", "-U0", "--root", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-commit-id",
            commit, "--", change.path,
        )  # fmt: skip
        holes += _some(shown(change.path), text, _added(difference), chance)
    return holes


def _has_lone_returns(data: bytes) -> bool:
    """Return whether lines are counted otherwise than Git counts them."""
    return data.count(b"\r") != data.count(b"\r\n")


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
