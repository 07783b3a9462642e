"""Ollama's models: a manifest for each tag names the blob that is its GGUF file.

Source: the folder that Ollama writes, ``manifests/HOST/NAMESPACE/MODEL/TAG`` and ``blobs/sha256-DIGEST``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from infill_completion.catalog.gguf.places import ollama_folders

_HOST, _NAMESPACE = "registry.ollama.ai", "library"
_MODEL_LAYER = "application/vnd.ollama.image.model"
_MAX_MANIFEST_BYTES = 1 << 20
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
# Hosts may have ports, which Ollama writes into the folder's name.
_PART = re.compile(r"\w[\w.:-]*")
_NAME = re.compile(r"(?:(?:(?P<host>[^/]+)/)?(?P<namespace>[^/]+)/)?(?P<model>[^/:]+):(?P<tag>[^/:]+)")


def ollama_models() -> Iterator[tuple[str, Path]]:
    """Yield the name of each of Ollama's models, as it shows it, and its GGUF file."""
    for root in ollama_folders():
        for manifest in sorted((root / "manifests").glob("*/*/*/*")):
            host, namespace, model, tag = manifest.parts[-4:]
            blob = _blob(root, manifest)
            if blob is not None:
                where = "" if host == _HOST else f"{host}/"
                owner = "" if not where and namespace == _NAMESPACE else f"{namespace}/"
                yield f"{where}{owner}{model}:{tag}", blob


def ollama_model(name: str) -> Path | None:
    """Return the GGUF file of a model of Ollama's, named as it does with a tag, or None if it is not here."""
    match = _NAME.fullmatch(name)
    parts = match and (match["host"] or _HOST, match["namespace"] or _NAMESPACE, match["model"], match["tag"])
    if not parts or not all(_PART.fullmatch(part) for part in parts):
        return None
    found = (_blob(root, root.joinpath("manifests", *parts)) for root in ollama_folders())
    return next(filter(None, found), None)


def _blob(root: Path, manifest: Path) -> Path | None:
    """Return the GGUF file that a manifest names, if it is here."""
    try:
        with manifest.open("rb") as stream:
            document = json.loads(stream.read(_MAX_MANIFEST_BYTES))
        layers = document["layers"]
        digest = next(layer["digest"] for layer in layers if layer["mediaType"] == _MODEL_LAYER)
        match = _DIGEST.fullmatch(digest)
        blob = root / "blobs" / f"sha256-{match[1]}" if match else None
        return blob if blob is not None and blob.is_file() else None
    except (OSError, ValueError, LookupError, TypeError, StopIteration, RecursionError):
        return None
