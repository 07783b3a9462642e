"""The working tree whose rules hold for a history: the folder and Git must name each other.

A repository's configuration (``core.worktree``) or a ``.git`` file (``gitdir:``) may name any folder. Files of a
history would then be judged by the ignore rules of a folder that they do not belong to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from infill_completion.privacy.git.repository import Repository, repository_of


class ForeignHistoryError(Exception):
    """A folder's repository belongs to another folder; the message is the part of a sentence that says why."""


def own_top(folder: Path, git: Callable[..., bytes]) -> Path:
    """Return the top of the working tree that a folder is in.

    Args:
        folder: The folder.
        git: Runs Git in it, and returns what that prints.

    Raises:
        ForeignHistoryError: There is no working tree, or its history is that of another one.
    """
    told = Path(os.fsdecode(git("rev-parse", "--show-toplevel").rstrip(b"\n")))
    top = repository_of(Path(os.path.realpath(folder)) / "file")
    if top is None or not _is_same(top, told):
        raise ForeignHistoryError(f"says that its files lie in {told} (see core.worktree)")
    repository = Repository.at(top)
    if repository.own != top / ".git" and not _names(repository, git):
        raise ForeignHistoryError(f"is kept in {repository.own}, which does not name {top} (see `git worktree repair`)")
    return top


def _names(repository: Repository, git: Callable[..., bytes]) -> bool:
    """Return whether the folder of a further working tree or a submodule names its working tree."""
    back = repository.named_back
    if back is not None:
        return _is_same(back, repository.top / ".git")
    # Where the configuration names a working tree, that is what Git has told.
    return bool(git("config", "--local", "--default", "", "--get", "core.worktree").strip())


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
