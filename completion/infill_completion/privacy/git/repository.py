"""Git's folders of a file's repository (gitrepository-layout(5)), found without running Git."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_GIT_LINK = b"gitdir:"
_MAX_LINK_BYTES = 10_000


@dataclass(frozen=True)
class Repository:
    """A working tree.

    Attributes:
        top: Its top folder.
        own: The folder that Git keeps for this working tree.
        common: The folder that all working trees of the repository share, with the file ``info/exclude``.
    """

    top: Path
    own: Path
    common: Path

    @classmethod
    def at(cls, top: Path) -> Repository:
        """Return the repository whose working tree has its top at ``top``; its ``.git`` is a folder or names one."""
        own = top / ".git"
        if own.is_file():  # a submodule, or a further working tree
            target = _first_line(own)
            if target is not None and target.startswith(_GIT_LINK):
                own = top / os.fsdecode(target.removeprefix(_GIT_LINK).strip())
        shared = _first_line(own / "commondir")
        return cls(top, own, own if shared is None else own / os.fsdecode(shared))

    @property
    def named_back(self) -> Path | None:
        """The ``.git`` file of a further working tree, as Git's folder for that names it; None for other ones."""
        named = _first_line(self.own / "gitdir")
        return self.own / os.fsdecode(named) if named else None


def repository_of(path: Path) -> Path | None:
    """Return the top folder of a file's Git repository; None outside a repository."""
    return next((folder for folder in path.parents if _is_top(folder)), None)


def repositories_of(path: Path, outermost: Path) -> list[Path]:
    """Return the top folders of all repositories that a file is in, below and including ``outermost``."""
    return [folder for folder in path.parents if folder.is_relative_to(outermost) and _is_top(folder)]


def _is_top(folder: Path) -> bool:
    return os.path.exists(folder / ".git")  # noqa: PTH110 never raises


def _first_line(file: Path) -> bytes | None:
    """Return the first line of a small file; None if there is none to read."""
    try:
        if not file.is_file():
            return None
        with file.open("rb") as opened:
            return opened.read(_MAX_LINK_BYTES).split(b"\n")[0].rstrip(b"\r")
    except (OSError, ValueError):
        return None
