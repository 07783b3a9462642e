"""What models have learned in repositories on this machine: a folder for each repository in the user's state folder.

It holds the adapter and a description of it; nothing else reads or sends them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from infill_completion.catalog.learned_rules import RULES
from infill_completion.folders import state_folder

ABOUT = "about.json"
_SUFFIX = ".safetensors"
_GONE = "gone"  # the file that says since when a repository has been gone
_KEPT_WITHOUT_REPOSITORY = timedelta(days=30)


@dataclass(frozen=True)
class Learned:
    """What was learned in a repository.

    Attributes:
        repository: Its top folder.
        model: The model that learned.
        commit: The newest commit at that time.
        files: A hash of which of its files might be learned from then.
        learned_at: When, in ISO 8601.
        minutes: How long it learned.
        tokens: How many tokens it learned from.
        holes: How many places of the newest commits it was examined on.
        loss_before: The loss there before, in nats a token.
        loss_after: The loss there now.
        right_before: How many of the places the likeliest tokens filled right before.
        right_after: How many they fill right now.
        is_used: Whether it was better, so that it is used.
    """

    repository: str
    model: str
    commit: str
    files: str
    learned_at: str
    minutes: float
    tokens: int
    holes: int
    loss_before: float
    loss_after: float
    right_before: int
    right_after: int
    is_used: bool


def learned_folder() -> Path:
    """Return the folder that holds those of the repositories."""
    return state_folder() / "learned"


def prepared_learned_folder() -> Path:
    """Create the folder that holds those of the repositories, which only the user can read, and return it.

    Raises:
        OSError: It cannot be created.
    """
    folder = learned_folder()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def folder_of(repository: Path) -> Path:
    """Return the folder for a repository."""
    name = os.path.realpath(repository)
    return learned_folder() / hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def lock_of(repository: Path) -> Path:
    """Return the file whose lock the process holds that learns a repository; its folder is created.

    Raises:
        OSError: It cannot be created.
    """
    prepared_learned_folder()
    return folder_of(repository).with_suffix(".lock")


def prepared_folder(repository: Path) -> Path:
    """Create the folder for a repository, which only the user can read, and return it.

    Raises:
        OSError: It cannot be created.
    """
    prepared_learned_folder()
    folder = folder_of(repository)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def adapter_name(learned: Learned) -> str:
    """Return the name of an adapter's file; another commit's or model's has another, so that engines notice it."""
    return hashlib.sha256(f"{learned.model} {learned.commit} {learned.learned_at}".encode()).hexdigest()[:12] + _SUFFIX


def describe(folder: Path, learned: Learned) -> None:
    """Write what was learned, whole or not at all, and delete the adapters of before."""
    partial = folder / f"{ABOUT}.partial"
    partial.write_text(json.dumps(asdict(learned), indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / ABOUT)
    for file in folder.glob(f"*{_SUFFIX}*"):  # with those that were not written to their end
        if file.name != adapter_name(learned) or not learned.is_used:
            file.unlink(missing_ok=True)
    if not learned.is_used:
        (folder / RULES).unlink(missing_ok=True)


def discard(folder: Path, adapter: Path) -> None:
    """Delete an adapter that could not be kept, and the folder if nothing else is in it.

    Raises:
        OSError: It cannot be deleted.
    """
    partial = [folder / f"{name}.partial" for name in (adapter.name, ABOUT, RULES)]
    for file in (adapter, *partial):
        file.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def read_learned(folder: Path) -> Learned | None:
    """Return what a repository's folder says, or None if it has no readable description."""
    try:
        written: Any = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        known = {item.name: written[item.name] for item in fields(Learned)}
        kinds: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}
        if all(isinstance(known[item.name], kinds[str(item.type)]) for item in fields(Learned)):
            return Learned(**known)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def all_learned() -> Iterator[tuple[Path, Learned | None]]:
    """Yield the folder of each repository and what it says, in the order of the folders' names."""
    try:
        folders = sorted(path for path in learned_folder().iterdir() if path.is_dir())
    except OSError:
        return
    for folder in folders:
        yield folder, read_learned(folder)


def adapter_path(repository: Path, model: str = "auto") -> Path | None:
    """Return the adapter to use in a repository; None if none was learned, or none that was better.

    Args:
        repository: Its top folder.
        model: What ``engine.model`` says; a model that it names uses what that model learned, and nothing else.
    """
    folder = folder_of(repository)
    learned = read_learned(folder)
    if learned is None or not learned.is_used or model not in {"auto", learned.model}:
        return None
    file = folder / adapter_name(learned)
    return file if file.is_file() else None


def forget_vanished(now: datetime) -> None:
    """Delete what was learned in repositories that have been gone for a while; a disk may be away today."""
    for folder, learned in all_learned():
        if learned is None:
            continue
        with contextlib.suppress(OSError):
            if os.path.lexists(learned.repository):
                (folder / _GONE).unlink(missing_ok=True)
            elif now - _gone_since(folder, now) >= _KEPT_WITHOUT_REPOSITORY:
                forget(folder)
                folder.with_suffix(".lock").unlink(missing_ok=True)


def _gone_since(folder: Path, now: datetime) -> datetime:
    """Return when a repository was first seen to be gone, which is now if nobody has noted it.

    Raises:
        OSError: It cannot be noted.
    """
    mark = folder / _GONE
    with contextlib.suppress(OSError, ValueError, TypeError):
        noted = datetime.fromisoformat(mark.read_text(encoding="utf-8"))
        if noted <= now:
            return noted
    mark.write_text(now.isoformat(), encoding="utf-8")
    return now


def forget(folder: Path) -> None:
    """Delete what was learned in a repository; behind a link, only what is ours.

    Raises:
        OSError: It cannot be deleted.
    """
    if not folder.is_symlink():
        shutil.rmtree(folder)
        return
    for pattern in (f"{ABOUT}*", f"*{_SUFFIX}*", _GONE):
        for file in folder.glob(pattern):
            file.unlink()
    folder.unlink()
