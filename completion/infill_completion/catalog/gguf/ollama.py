"""Ollama's models: a manifest for each tag names the blob that is its GGUF file.

Source: ``manifest/manifest.go`` of Ollama.  ``manifests/HOST/NAMESPACE/MODEL/TAG`` is a manifest, and so is the same
path below ``manifests-v2``, where newer versions link to a blob.  A manifest may be a list of manifests for several
runners, each of them whole or named by the digest of its blob.  Blobs are ``blobs/sha256-DIGEST``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from infill_completion.catalog.gguf.places import OLLAMA_MANIFESTS, is_file, ollama_folders

_HOST, _NAMESPACE = "registry.ollama.ai", "library"
_MODEL_LAYER = "application/vnd.ollama.image.model"
# Runners that take GGUF files; a manifest without one is for these too.
_RUNNERS = ("ollama", "llamacpp")
_MAX_MANIFEST_BYTES = 1 << 20
_MAX_MANIFESTS, _MAX_CHILDREN = 10_000, 16
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
# Hosts may have ports, which Ollama writes into the folder's name.
_PART = re.compile(r"\w[\w.:-]*")
_NAME = re.compile(r"(?:(?:(?P<host>[^/]+)/)?(?P<namespace>[^/]+)/)?(?P<model>[^/:]+):(?P<tag>[^/:]+)")


def ollama_models() -> Iterator[tuple[str, Path]]:
    """Yield the name of each of Ollama's models, as it shows it, and its GGUF file."""
    for root in ollama_folders():
        for folder in OLLAMA_MANIFESTS:
            for manifest in sorted(islice((root / folder).glob("*/*/*/*"), _MAX_MANIFESTS)):
                host, namespace, model, tag = manifest.parts[-4:]
                blob = _model_file(root, manifest)
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
    places = ((root, root.joinpath(folder, *parts)) for root in ollama_folders() for folder in OLLAMA_MANIFESTS)
    return next(filter(None, (_model_file(root, manifest) for root, manifest in places)), None)


def _model_file(root: Path, manifest: Path) -> Path | None:
    """Return the GGUF file that a manifest names, if it is here."""
    try:
        for document in _runnable(root, _document(manifest)):
            digest = next(layer["digest"] for layer in document["layers"] if layer["mediaType"] == _MODEL_LAYER)
            if (blob := _blob(root, digest)) is not None:
                return blob
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError):
        pass
    return None


def _runnable(root: Path, document: Any) -> Iterator[Any]:
    """Yield a manifest, or those of a list that are for GGUF files, best runner first."""
    if "manifests" not in document:
        yield document
        return
    children = [child for child in document["manifests"][:_MAX_CHILDREN] if child.get("format", "gguf") == "gguf"]
    for runner in (*_RUNNERS, None):
        for child in children:
            if child.get("runner") == runner:
                own = None if "layers" in child else _blob(root, child["digest"])
                yield child if own is None else _document(own)


def _document(manifest: Path) -> Any:
    if not is_file(manifest):  # a pipe would wait for somebody to write
        raise ValueError("not a file")
    with manifest.open("rb") as stream:
        return json.loads(stream.read(_MAX_MANIFEST_BYTES))


def _blob(root: Path, digest: str) -> Path | None:
    match = _DIGEST.fullmatch(digest)
    blob = root / "blobs" / f"sha256-{match[1]}" if match else None
    return blob if blob is not None and is_file(blob) else None
