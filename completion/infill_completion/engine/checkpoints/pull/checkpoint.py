"""A checkpoint from the hub, downloaded into the Hugging Face cache.

Only safetensors, configuration and tokenizer are downloaded.  Existing files are kept, so an interrupted pull resumes
where it stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from infill_completion.catalog import Presence, Support, cached, find, hub_folder
from infill_completion.engine.checkpoints.pull.hub import PullError, hub_library, sentence_of

_KEPT = {
    "config.json", "generation_config.json", "infill.json", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
    "model.safetensors.index.json",
}  # fmt: skip
_SPARE_BYTES = 64 << 20


def pull(
    name: str, *, endpoint: str | None = None, hub: Path | None = None, say: Callable[[str], None] = lambda text: None
) -> Path:
    """Download the model ``name`` and return its folder.

    Args:
        name: ``owner/name``.
        endpoint: Address of the hub; default: as configured for ``huggingface_hub``.
        hub: Cache folder; default: that of all Hugging Face libraries.
        say: Called with a sentence about the download before it starts.

    Raises:
        PullError: The download failed; files that are complete are kept.
    """
    known = find(name)
    if known is not None and known.support is Support.NONE:
        raise PullError(f"The engine cannot load {name} ({known.note.rstrip('.')}); see `infill-ls models list`.")
    library, failures = hub_library(name)
    try:
        api = library.HfApi(endpoint=endpoint)
        info = api.model_info(name)  # this call fails at once, while the listing would retry for half a minute
        files = _files(api, name, info.sha)
        wanted = wanted_files(files)
        missing = sum(files[file] for file in wanted) - cached(name, hub).bytes
        _check(name, missing, wanted, hub or hub_folder())
        say(_offer(name, missing, info))
        folder = library.snapshot_download(name, endpoint=endpoint, cache_dir=hub, allow_patterns=sorted(wanted))
    except (OSError, ValueError, failures.HTTPError) as error:
        raise PullError(sentence_of(name, error, failures)) from error
    if cached(name, hub).presence is not Presence.COMPLETE:
        raise PullError(f"{name} lacks a configuration, a tokenizer or a weight file on the hub; choose another model.")
    return Path(folder)


def _files(api: Any, name: str, commit: str) -> dict[str, int]:
    """Return the files at the top of the repository, with their sizes."""
    entries: Iterable[Any] = api.list_repo_tree(name, revision=commit)
    return {entry.path: entry.size for entry in entries if hasattr(entry, "size")}


def wanted_files(files: Iterable[str]) -> set[str]:
    """Return the files of a checkpoint to download."""
    names = set(files)
    weights = {name for name in names if name.endswith(".safetensors")}
    # Some checkpoints have a second copy of their weights, in the layout of another library.
    plain = {name for name in weights if not name.startswith("consolidated")}
    return (plain or weights) | (names & _KEPT)


def _offer(name: str, missing_bytes: int, info: Any) -> str:
    """Return what will be downloaded, with the licence that the hub names."""
    size = max(0, missing_bytes)
    shown = f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
    tags = [tag for tag in getattr(info, "tags", None) or [] if isinstance(tag, str)]
    licence = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")
    terms = f", under the licence {licence[:60]}" if licence and licence.isprintable() else ""
    return f"Downloading {shown} of {name}{terms}."


def _check(name: str, missing_bytes: int, wanted: set[str], hub: Path) -> None:
    if not any(file.endswith(".safetensors") for file in wanted):
        raise PullError(f"{name} has no safetensors weights, and other formats can run code; choose another model.")
    needed = missing_bytes + _SPARE_BYTES
    parent = next(path for path in (hub, *hub.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise PullError(
            f"{name} needs {needed / 2**30:.1f} GiB more and the disk of {hub} has {free / 2**30:.1f} GiB free; make "
            "room or set HF_HUB_CACHE to another disk."
        )
