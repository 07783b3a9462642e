"""The models on this machine: in the Hugging Face cache, and those that were quantised here.

The layout is that of ``huggingface_hub``: ``models--OWNER--NAME/{blobs,refs,snapshots/COMMIT}``, where a snapshot's
files are links to blobs and a blob that is still being downloaded ends in ``.incomplete``.  ``infill-ls models
quantize`` writes its 4-bit checkpoints to a folder of its own, as ``OWNER--NAME-nf4``.  This module only reads folders
and imports no Hugging Face library.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from infill_completion.folders import data_folder, has_home_directory, home_directory

_QUANTISED = "-nf4"
_MAX_NAME = 120  # characters; the longest in use has about 40, and the name is part of messages


class Presence(Enum):
    """How much of a model is on this machine."""

    COMPLETE = "cached"
    PARTIAL = "half fetched"
    ABSENT = "not here"


@dataclass(frozen=True)
class Cached:
    """The cached part of one model; ``bytes`` is the size of its blobs, including unfinished ones."""

    presence: Presence
    folder: Path | None = None
    bytes: int = 0


def hub_folder() -> Path:
    """Return where Hugging Face libraries keep downloaded models: ``HF_HUB_CACHE``, else ``HF_HOME/hub``."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or home_directory() / ".cache") / "huggingface"
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    folder = Path(named or Path(os.environ.get("HF_HOME") or base) / "hub")
    return folder.expanduser() if has_home_directory() else folder


def cached(name: str, hub: Path | None = None) -> Cached:
    """Return how much of the model ``name`` (``owner/name``) the cache holds."""
    root = (hub or hub_folder()) / f"models--{name.replace('/', '--')}"
    try:
        return _cached(root)
    except OSError:  # a folder that may not be searched
        return Cached(Presence.ABSENT)


def _cached(root: Path) -> Cached:
    blobs = [blob for blob in root.glob("blobs/*") if blob.is_file()]
    if not blobs and not root.is_dir():
        return Cached(Presence.ABSENT)
    size = sum(blob.stat().st_size for blob in blobs)
    snapshot = _snapshot(root)
    if snapshot is None or not is_complete(snapshot):
        return Cached(Presence.PARTIAL if blobs else Presence.ABSENT, snapshot, size)
    return Cached(Presence.COMPLETE, snapshot, size)


def cached_names(hub: Path | None = None) -> list[str]:
    """Return the ids of all models that are at least partly cached, sorted."""
    folders = (hub or hub_folder()).glob("models--*--*")
    return sorted(folder.name.removeprefix("models--").replace("--", "/", 1) for folder in folders)


def quantised_folder() -> Path:
    """Return the default folder for 4-bit checkpoints."""
    return data_folder() / "models"


def quantised_path(name: str) -> Path:
    """Return the default path of a model's 4-bit checkpoint; ``name`` is a hub id or a folder's name."""
    return quantised_folder() / f"{name.replace('/', '--')}{_QUANTISED}"


def quantised(name: str) -> Path | None:
    """Return the folder of the 4-bit checkpoint of the model ``name``, or None if it is missing or incomplete."""
    folder = quantised_path(name)
    return folder if is_complete(folder) else None


def quantised_names() -> list[str]:
    """Return the models that have a 4-bit checkpoint here, sorted: hub ids and names of folders."""
    folders = [folder for folder in quantised_folder().glob(f"*{_QUANTISED}") if is_complete(folder)]
    return sorted(folder.name.removesuffix(_QUANTISED).replace("--", "/", 1) for folder in folders)


def names_of_folder(folder: Path) -> list[str]:
    """Return the names that a model's folder suggests, most specific first.

    A snapshot in the hub's cache is in ``models--OWNER--NAME/snapshots/COMMIT``.
    """
    parts = [part for part in folder.absolute().parts if part.startswith("models--") and part.count("--") >= 2]
    hub = [part.removeprefix("models--").replace("--", "/", 1) for part in parts[-1:]]
    own = folder.name.removesuffix(_QUANTISED)
    return [*hub, own.replace("--", "/", 1), own]


def is_complete(folder: Path) -> bool:
    """Return whether ``folder`` holds a config, a tokenizer and every safetensors file of a checkpoint.

    Folders and pipes with such names are none: reading a pipe would wait for somebody to write.
    """
    if not (folder / "config.json").is_file():
        return False
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        return False
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    try:
        return all((folder / shard).is_file() for shard in shards_of(index))
    except (ValueError, OSError):
        return False


def shards_of(index: Path) -> list[str]:
    """Return the names of the weight files in a ``model.safetensors.index.json``, sorted.

    Raises:
        ValueError: The file is damaged, or names a file outside its folder.
        OSError: The file cannot be read.
    """
    try:
        shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no weight map") from error
    if not all(isinstance(shard, str) and _is_plain(shard) for shard in shards):
        raise ValueError("a weight file is outside the folder, or its name is not printable or too long")
    return sorted(shards)


def _is_plain(name: str) -> bool:
    """Return whether a name can be that of a weight file: no folder, no control character, not endless."""
    return name == Path(name).name and name.isprintable() and len(name) <= _MAX_NAME


def _snapshot(root: Path) -> Path | None:
    """Return the snapshot of ``main``, else the latest one."""
    try:
        commit = (root / "refs" / "main").read_text("ascii").strip()
        if (root / "snapshots" / commit).is_dir():
            return root / "snapshots" / commit
    except (OSError, UnicodeDecodeError):
        pass
    return max(root.glob("snapshots/*"), key=lambda folder: folder.stat().st_mtime, default=None)
