"""Lines that the newest commits added, with the file as it was at that moment around them."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.document.lines import to_lf
from infill_completion.languages.registry import language_id_of
from infill_completion.privacy.rules import Privacy
from infill_server.commands.bench.git import Git, GitError, split_range
from infill_server.commands.bench.quality.cutting import HoleSource
from infill_server.commands.bench.source_files import NOT_CODE

MAX_COMMITS = 500
MAX_FILES_A_COMMIT = 20  # of a larger commit, so many by chance: it is a move, a vendored copy or a new formatter
MAX_FILES = 400
MAX_BYTES = 200_000
MIN_BYTES = 200
# Added lines to find for each hole, so that chance has a choice.
LINES_A_HOLE = 12
MAX_LINES_A_COMMIT = 60  # that count for this, so that holes come from several commits
_HUNK = re.compile(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
# Whatever the repository's configuration says; it might join hunks, for example, with what lies between them.
_ADDED = (
    "--no-ext-diff", "--no-textconv", "--no-color", "-U0", "-w", "--no-indent-heuristic", "--inter-hunk-context=0",
    "--diff-algorithm=default", "--text", "-O/dev/null",
)  # fmt: skip
_FILE_MODES = (b"100644", b"100755", b"100664")  # neither links nor submodules
_LONE_CARRIAGE_RETURN = re.compile(r"\r(?!\n)")  # Git counts no line there


@dataclass(frozen=True)
class _Change:
    """A file of a commit: the ids of its content before (empty if it is new) and after."""

    path: Path
    before: str
    after: str


class GitHistory:
    """The newest commits of a range.

    Args:
        folder: A folder or file of a working tree, or a bare repository; only what is below it counts.
        revisions: The range, as for ``git log``; empty for everything that leads to ``HEAD``.
        privacy: Decides which files are private; their text is not used.

    Attributes:
        commits: The commits that were read, newest first.
    """

    def __init__(self, folder: Path, revisions: str, privacy: Privacy) -> None:
        range_ = split_range(revisions)
        self._folder = folder if folder.is_dir() else folder.parent
        self._git = Git(self._folder)
        self._privacy = privacy
        self._top = self._git.top
        self._seen: set[_Change] = set()
        self._below = os.fsdecode(self._git.line("rev-parse", "--show-prefix"))  # with a slash at its end
        self._file = "" if folder.is_dir() else self._below + folder.name
        self.commits = self._newest(range_, ("--", folder.name if self._file else "."))

    def sources(self, count: int, seed: int) -> list[HoleSource]:
        """Return files of the newest commits that together added enough lines for ``count`` holes of each kind.

        The same history, range and seed give the same files.

        Raises:
            GitError: No commit added lines of source code, or an object is missing.
        """
        found: list[HoleSource] = []
        read: list[str] = []
        self._seen.clear()
        lines = 0
        for commit in self.commits:
            if lines >= count * LINES_A_HOLE or len(found) >= MAX_FILES:
                break
            read.append(commit)
            added = list(self._of_commit(commit, random.Random(f"{seed}-{commit}")))
            lines += min(sum(len(source.places) for source in added), MAX_LINES_A_COMMIT)
            found += added
        self.commits = read
        if not found:
            raise GitError("No commit there added lines of source code; name another folder or range.")
        return found[:MAX_FILES]

    def _newest(self, revisions: Sequence[str], paths: Sequence[str]) -> list[str]:
        """Return the newest commits that are no merges; those where a shallow clone ends have no known parents."""
        limits = ("--no-merges", f"--max-count={MAX_COMMITS}", "--date-order")
        listed = self._git("rev-list", *limits, *revisions, *paths).decode().split()
        shallow = self._folder / os.fsdecode(self._git.line("rev-parse", "--git-path", "shallow"))
        try:
            ends = set(shallow.read_text("utf-8").split())
        except (OSError, ValueError):
            ends = set()
        return [commit for commit in listed if commit not in ends]

    def _of_commit(self, commit: str, chance: random.Random) -> Iterator[HoleSource]:
        """Yield the files of a commit, without changes that a newer commit has made too: a copied or repeated one."""
        changes = [each for each in self._changes(commit) if each not in self._seen and self._is_wanted(each.path)]
        self._seen.update(changes)
        if len(changes) > MAX_FILES_A_COMMIT:
            changes = [changes[at] for at in sorted(chance.sample(range(len(changes)), MAX_FILES_A_COMMIT))]
        sizes = self._sizes([change.after for change in changes])
        for change in changes:
            if MIN_BYTES <= sizes.get(change.after, 0) <= MAX_BYTES:
                source = self._source(change, commit)
                if source is not None:
                    yield source

    def _is_wanted(self, path: Path) -> bool:
        return language_id_of(path.name) not in NOT_CODE and self._privacy.rule_for(path.as_uri(), (self._top,)) is None

    def _changes(self, commit: str) -> Iterator[_Change]:
        """Yield the files that a commit added, changed or renamed, also those that were elsewhere before."""
        options = ("--root", "-r", "-M", "-l200", "-z", "--raw", "--no-commit-id", "--no-abbrev", "--diff-filter=AMRC")
        fields = iter(self._git("diff-tree", *options, commit).split(b"\0"))
        for head in fields:
            if not head.startswith(b":"):
                continue
            _, mode, before, after, status = head[1:].split(b" ")
            name = next(fields, b"")
            if status[:1] in b"RC":
                name = next(fields, b"")
            try:
                text = name.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if mode in _FILE_MODES and (text == self._file if self._file else text.startswith(self._below)):
                yield _Change(self._top / text, "" if not before.strip(b"0") else before.decode(), after.decode())

    def _sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the size in bytes of each content; what a partial clone lacks is left out."""
        asked = "".join(f"{id_}\n" for id_ in ids).encode()
        try:
            answers = self._git("cat-file", "--batch-check=%(objectname) %(objectsize)", given=asked).split(b"\n")
        except GitError:
            return {}
        pairs = [answer.split(b" ") for answer in answers]
        return {pair[0].decode(): int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}

    def _source(self, change: _Change, commit: str) -> HoleSource | None:
        """Return a file as a commit left it, or None if it is not text or nothing was added but blanks."""
        try:
            text = self._git("cat-file", "blob", change.after).decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        if "\0" in text or _LONE_CARRIAGE_RETURN.search(text):
            return None
        text = to_lf(text)
        added = tuple(self._added(change, text.count("\n") + 1))
        return HoleSource(change.path, text, added, commit) if added else None

    def _added(self, change: _Change, count: int) -> Iterator[int]:
        """Yield the numbers of the added lines, from 0; a line that only moved to the right was not added."""
        if not change.before:
            yield from range(count)
            return
        try:
            shown = self._git("diff", *_ADDED, change.before, change.after)
        except GitError:  # the content before is missing in a partial clone
            return
        for match in _HUNK.finditer(shown):
            start, length = int(match[1]) - 1, int(match[2] or 1)
            yield from range(start, min(start + length, count))
