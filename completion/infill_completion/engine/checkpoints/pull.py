"""``infill-ls models pull``: download a checkpoint from the hub into the Hugging Face cache.

Only safetensors, configuration and tokenizer are downloaded.  Existing files are kept, so an interrupted pull resumes
where it stopped.  This module imports neither torch nor transformers.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from infill_completion.catalog import Presence, Support, cached, find, hub_folder

EXIT_ERROR = 2
_KEPT = {
    "config.json", "generation_config.json", "infill.json", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
    "model.safetensors.index.json",
}  # fmt: skip
_SPARE_BYTES = 64 << 20


class PullError(Exception):
    """A model cannot be downloaded; the message is one sentence with the next step."""


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
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        raise PullError(f"HF_HUB_OFFLINE is set, so {name} cannot be fetched; unset it and try again.")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # errors are reported in one sentence instead
    library: Any = huggingface_hub
    failures: Any = errors
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
        raise PullError(_sentence(name, error, failures)) from error
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


def _sentence(name: str, error: Exception, failures: Any) -> str:
    """Return a sentence with the cause and the next step for an error of the library."""
    if isinstance(error, failures.GatedRepoError):
        return (
            f"{name} is gated; accept its licence on https://huggingface.co/{name}, log in with `hf auth login`, and "
            "try again."
        )
    if isinstance(error, failures.RepositoryNotFoundError):
        return f"The hub has no model {name}, or it is private; check the name or log in with `hf auth login`."
    if isinstance(error, failures.HFValidationError):
        return f"`{name}` is not a model id; ids have the form owner/name."
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in {401, 403}:
        return f"The hub denies access to {name}; log in with `hf auth login` and try again."
    again = f"run `infill-ls models pull {name}` again to resume"
    return _of_disk(error, again) or _of_network(error, status, again)


def _of_disk(error: Exception, again: str) -> str:
    """Return a sentence if the error is one of the disk, else an empty string."""
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC:
        return f"The disk is full; make room and {again}."
    if number in {errno.EACCES, errno.EROFS}:
        return f"{hub_folder()} is not writable; set HF_HUB_CACHE to another folder."
    return ""


def _of_network(error: Exception, status: int | None, again: str) -> str:
    first = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    cause = f"HTTP status {status}" if status else ": ".join(filter(None, (type(error).__name__, first)))
    return f"The hub cannot be reached ({cause}); check the network and {again}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Download a model and print its folder.

    Returns:
        The exit code: 0, 2 after an error (one sentence on standard error), 130 if the user interrupted it.
    """
    parser = argparse.ArgumentParser(prog="infill-ls models pull", description=__doc__)
    parser.add_argument("model", metavar="ID", help="hub id, such as codellama/CodeLlama-7b-hf")
    options = parser.parse_args(arguments)
    try:
        print(pull(options.model, say=lambda text: print(text, file=sys.stderr)))  # noqa: T201
    except PullError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR
    except KeyboardInterrupt:
        again = f"run `infill-ls models pull {options.model}` again to resume"
        print(f"\ninfill-ls: Stopped; {again}.", file=sys.stderr)  # noqa: T201
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
