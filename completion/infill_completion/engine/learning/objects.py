"""A repository's objects, read with Git in parts of bounded size."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from infill_completion.privacy.git.program import git_command, git_environment, reason_of

MAX_BYTES = 600_000  # of a file; larger ones are not read
_BATCH = 64  # files
_LIMIT_S = 60.0


class HistoryError(Exception):
    """The repository cannot be learned from; the message is a sentence with the next step."""


class GitObjects:
    """Runs Git in a folder of a repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what a command prints.

        Raises:
            HistoryError: There is no Git, or the command fails.
        """
        try:
            done = subprocess.run(
                git_command(self._folder, *arguments), input=given, capture_output=True, check=False, timeout=_LIMIT_S,
                env=git_environment(),
            )  # fmt: skip
        except FileNotFoundError as error:
            raise HistoryError("Learning needs Git, which was not found; install it.") from error
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise self._refused(type(error).__name__) from error
        if done.returncode:
            raise self._refused(reason_of(done.stderr))
        return done.stdout

    def _refused(self, reason: str) -> HistoryError:
        return HistoryError(
            f"Git cannot read the history of {self._folder} ({reason}); learning needs a Git repository with commits."
        )

    def text(self, *arguments: str) -> str:
        """Return what a command prints, as text."""
        return self(*arguments).decode("utf-8", "surrogateescape")

    def small(self, names: Sequence[str]) -> set[str]:
        """Return those of some objects that are here and not too large to be read."""
        lines = self("cat-file", "--batch-check=%(objectsize) %(objectname)", given=_lines(names)).split(b"\n")
        sizes = [line.split() for line in lines]
        return {
            size[1].decode() for size in sizes if len(size) == 2 and size[0].isdigit() and int(size[0]) <= MAX_BYTES
        }

    def blobs(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """Yield the contents of objects, None for those that are missing or too large."""
        for first in range(0, len(names), _BATCH):
            batch = names[first : first + _BATCH]
            small = list(self.small(batch))
            contents = dict(zip(small, self._contents(small), strict=True))
            yield from map(contents.get, batch)

    def _contents(self, names: Sequence[str]) -> Iterator[bytes]:
        answer = self("cat-file", "--batch", given=_lines(names)) if names else b""
        at = 0
        for _ in names:
            end = answer.index(b"\n", at)
            size = int(answer[at:end].split()[-1])
            yield answer[end + 1 : end + 1 + size]
            at = end + size + 2


def _lines(names: Sequence[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()
