"""Git's answers about a repository's history: it is only read, and nothing in the repository is run.

No index is refreshed, no hook, pager, filter or other program of the repository's configuration is started, and what a
partial clone lacks is not fetched.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infill_completion.privacy.git.program import git_command, git_environment, reason_of
from infill_completion.privacy.git.working_tree import ForeignHistoryError, own_top
from infill_server.errors import UsageError

LIMIT_S = 120.0


class GitError(UsageError):
    """Git refused; the message is one sentence with the next step."""


class GitRefusedError(GitError):
    """Git printed an error.

    Attributes:
        reason: What it printed.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Git refused ({reason}); name another folder or range.")
        self.reason = reason


class Git:
    """Runs Git in a folder.

    Args:
        folder: A folder in a working tree, or a bare repository.

    Attributes:
        top: The top of the working tree; of a bare repository its own folder.

    Raises:
        GitError: Git is not installed, or the folder is in no repository that Git would read, or in one whose history
            is that of another folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.top = self._find_top()

    def _find_top(self) -> Path:
        if self.line("rev-parse", "--is-bare-repository") == b"true":
            return self._own_bare(Path(os.fsdecode(self.line("rev-parse", "--absolute-git-dir"))))
        try:
            return own_top(self._folder, self)
        except ForeignHistoryError as error:
            raise GitError(f"The repository of {self._folder} {error}; name another folder.") from error

    def _own_bare(self, directory: Path) -> Path:
        """Return the directory of a bare repository, unless the folder is elsewhere: a ``.git`` file led there."""
        if not self._folder.resolve().is_relative_to(directory.resolve()):
            raise GitError(
                f"The repository of {self._folder} has the history of another folder, {directory}; name another folder."
            )
        return directory

    def line(self, *arguments: str) -> bytes:
        """Return Git's answer without its line end."""
        return self(*arguments).rstrip(b"\n")

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what Git prints; ``given`` is its standard input.

        Raises:
            GitError: Git failed, is not installed or took too long.
        """
        try:
            done = subprocess.run(
                git_command(self._folder, *arguments), input=given, capture_output=True, env=git_environment(),
                timeout=LIMIT_S, check=False,
            )  # fmt: skip
        except (FileNotFoundError, NotADirectoryError) as error:
            raise GitError("Reading a history needs Git, which was not found; install it.") from error
        except (OSError, ValueError) as error:
            raise GitError(f"Git cannot be run ({error}); correct that.") from error
        except subprocess.TimeoutExpired as error:
            raise GitError(f"Git took more than {LIMIT_S:.0f} s; name a shorter range, such as HEAD~50..") from error
        if done.returncode:
            raise GitRefusedError(reason_of(done.stderr))
        return done.stdout


def split_range(text: str) -> Sequence[str]:
    """Return the words of a revision range.

    Raises:
        GitError: A word is an option.
    """
    words = text.split()
    if any(word.startswith("-") or "\0" in word for word in words):
        raise GitError(f"{text!r} is not a revision range; write one such as HEAD~50.. or v1.0..main.")
    return words or ("HEAD",)
