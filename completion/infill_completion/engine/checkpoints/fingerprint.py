"""A hash that identifies a checkpoint without reading gigabytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_WHOLE_BYTES = 1 << 20
_EDGE_BYTES = 1 << 16
_SUFFIXES = frozenset({".json", ".safetensors", ".model"})


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of a checkpoint's files: names, sizes, small files as a whole, both ends of large ones.

    The beginning of a safetensors or GGUF file lists all tensors, and its end is weights.  A GGUF file is alone.
    """
    digest = hashlib.sha256()
    own = [folder] if folder.is_file() else _files(folder)
    for path in sorted(own):
        size_bytes = path.stat().st_size
        digest.update(os.fsencode(path.name) + f" {size_bytes}\n".encode())
        with path.open("rb") as file:
            if size_bytes <= _WHOLE_BYTES:
                digest.update(file.read())
            else:
                digest.update(file.read(_EDGE_BYTES))
                file.seek(-_EDGE_BYTES, 2)
                digest.update(file.read())
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    """Return the files that count; a link to nothing or a pipe is none."""
    return [path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file()]
