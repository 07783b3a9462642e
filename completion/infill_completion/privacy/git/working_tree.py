"""The working tree whose rules hold for a history: the folder and Git must name each other.

A repository's configuration (``core.worktree``), a ``.git`` file (``gitdir:``), a file ``commondir`` and links may name
any folder. Files of a history would then be judged by the ignore rules of a folder that they do not belong to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from infill_completion.privacy.git.repository import Repository, repository_of

_PARTS = ("objects", "refs", "packed-refs", "HEAD")  # of what all working trees share


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
    kept = _kept_in(repository)
    if kept is None:
        raise ForeignHistoryError(f"has links out of {repository.common}")
    if kept != Path(os.path.realpath(top), ".git") and not _names(repository, kept, git):
        raise ForeignHistoryError(f"is kept in {kept}, which does not name {top} (see `git worktree repair`)")
    return top


def _kept_in(repository: Repository) -> Path | None:
    """Return where a history really is; None if a part of it is elsewhere."""
    common = Path(os.path.realpath(repository.common))
    parts = (Path(os.path.realpath(common / part)) for part in _PARTS)
    return common if all(part.is_relative_to(common) for part in parts) else None


def _names(repository: Repository, common: Path, git: Callable[..., bytes]) -> bool:
    """Return whether the folder of a further working tree or a submodule names its working tree."""
    back = repository.named_back
    if back is not None:  # Git keeps such folders in the repository itself.
        own = Path(os.path.realpath(repository.own))
        return own.is_relative_to(common / "worktrees") and _is_same(back, repository.top / ".git")
    # Where the configuration names a working tree, that is what Git has told.
    return bool(git("config", "--local", "--default", "", "--get", "core.worktree").strip())


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
