"""What an engine has of a workspace, as far as the window that sent it knows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from infill_completion.document.files import identities_of

Stamp = tuple[int, int]
# The path under which each file is sent, by its identity; a file may have several, by links.
Names = dict[tuple[int, int], Path]

# Windows of one workspace may know different files until their indexes were read again. Doubles each time.
PATIENCE_S = 60.0
# Texts that were last checked so long ago do not count: they may be private by now.
CHECKED_S = 15.0
CHECKED_INTERVALS = 3


@dataclass(frozen=True)
class Workspace:
    """The files of one language below some folders, under the rules that decide what of them is sent.

    Attributes:
        language_id: The language.
        roots: The folders.
        ignore: The setting `privacy.ignore`.
        masks_secrets: The setting `privacy.mask_secrets`.
    """

    language_id: str
    roots: tuple[Path, ...]
    ignore: tuple[str, ...] = ()
    masks_secrets: bool = True

    @property
    def name(self) -> str:
        """The name that the engine gets; windows with the same folders and rules share it."""
        roots = [str(root) for root in self.roots]
        return name_of(json.dumps([self.language_id, roots, self.ignore, self.masks_secrets]))


@dataclass
class SentTexts:
    """What the engine has of a workspace.

    Attributes:
        workspace: The workspace.
        files: Modification time and size of each file that was sent; None where the engine may have it or not.
        store: The engine's store that has no texts but what was sent since; empty if it may have others.
        texts: The number of texts in the engine's last answer.
        is_complete: Whether the engine has all files.
        due_s: When they are checked again.
        interval_s: The time between checks; many files are checked less often.
        checked_s: When what is gone or private was last removed.
        replace_s: From when on the engine may be told again to drop what this window does not know of.
        patience_s: The time from then to the time after.
        paths: The path under which each file was sent, as of the last check.
    """

    workspace: Workspace
    files: dict[Path, Stamp | None] = field(default_factory=dict)
    store: str = ""
    texts: int = 0
    is_complete: bool = False
    due_s: float | None = None
    interval_s: float = 0.0
    checked_s: float | None = None
    replace_s: float = 0.0
    patience_s: float = PATIENCE_S
    paths: Names = field(default_factory=dict)

    def path_of(self, path: Path) -> Path:
        """Return the path under which a file was sent."""
        if path in self.files:
            return path
        return next((self.paths[each] for each in identities_of([path]) if each in self.paths), path)

    def counts(self, now_s: float) -> bool:
        """Return whether the engine has all files, and none that may be private by now."""
        limit_s = max(CHECKED_S, CHECKED_INTERVALS * self.interval_s)
        return self.is_complete and self.checked_s is not None and now_s - self.checked_s <= limit_s

    def is_replaced_by(self, other: Workspace) -> bool:
        """Return whether the rules of these files have changed."""
        same = (self.workspace.language_id, self.workspace.roots) == (other.language_id, other.roots)
        return same and self.workspace != other


def name_of(text: str) -> str:
    """Return a name for a file or workspace that tells nothing about it."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
