"""Ollama's manifests with any contents: a file among its blobs, or none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infill_completion.catalog.gguf.ollama import ollama_model, ollama_models

_DIGEST = "0123456789abcdef" * 4


class OllamaManifest:
    """A manifest, read in both of Ollama's folders."""

    name = "ollama-manifest"

    def seeds(self) -> Sequence[bytes]:
        """Return a manifest, a list of manifests, and a list of their digests."""
        layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{_DIGEST}"}]
        one = {"schemaVersion": 2, "layers": layers, "runner": "ollama", "format": "gguf"}
        other = {"digest": f"sha256:{_DIGEST}", "runner": "llamacpp"}
        return [json.dumps(each).encode() for each in (one, {"manifests": [one]}, {"manifests": [other, one]})]

    def run(self, data: bytes) -> None:
        """Write the manifest beside a blob, and look for the model."""
        with tempfile.TemporaryDirectory() as name:
            root, before = Path(name), os.environ.get("OLLAMA_MODELS")
            blob = root / "blobs" / f"sha256-{_DIGEST}"
            for folder in ("manifests", "manifests-v2"):
                path = root / folder / "registry.ollama.ai" / "library" / "coder" / "1b"
                path.parent.mkdir(parents=True)
                path.write_bytes(data)
            blob.parent.mkdir()
            blob.write_bytes(data)
            os.environ["OLLAMA_MODELS"] = name
            try:
                assert ollama_model("coder:1b") in {None, blob}
                assert {path for _, path in ollama_models()} <= {blob}
            finally:
                os.environ.pop("OLLAMA_MODELS")
                os.environ |= {} if before is None else {"OLLAMA_MODELS": before}
