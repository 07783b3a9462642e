"""GGUF files with any bytes: a model with finite work, or an error in one sentence."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infill_completion.catalog.gguf import GgufError, describe, read
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.weights import kv_bytes, weight_bytes
from infill_completion.engine.errors import ModelError
from tests.catalog.gguf.gguf_writer import Stored, gguf, small_model
from tests.fuzz.targets.engine_http import check_sentence

# A model is larger than its file by no more than this: Q2_K holds 256 values in 84 bytes, and 32-bit values take 4.
_MOST_GROWTH = 13


class GgufModelFile:
    """A GGUF file, read as the catalog and the engine read it."""

    name = "gguf"

    def seeds(self) -> Sequence[bytes]:
        """Return models of each kind of tokenizer, and headers without a model."""
        metadata, tensors = small_model()
        whole = gguf(metadata, tensors)
        pieces = metadata | {
            "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", "▁", "a", "▁a"],
            "tokenizer.ggml.token_type": [2, 3, 3, 1, 1, 1], "tokenizer.ggml.scores": [0.0, 0.0, 0.0, -1.0, -2.0, -3.0],
        }  # fmt: skip
        packed = {"token_embd.weight": Stored("Q4_K", (4, 256), bytes(4 * 144))}
        alone = {"general.architecture": "qwen2", "general.alignment": 64, "x": [1.5, 2.5], "y": ["a", ""]}
        return [whole, gguf(pieces, tensors), gguf(alone, packed), b"GGUF" + struct.pack("<IQQ", 3, 0, 0)]

    def run(self, data: bytes) -> None:
        """Write the file and read all that is read of a model."""
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "model.gguf"
            path.write_bytes(data)
            try:
                description = describe(read(path))
            except GgufError as error:
                check_sentence(str(error))
                return
            assert description.shape.vocab * description.shape.hidden <= len(data) * _MOST_GROWTH
            _load(path, len(data))


def _load(path: Path, size: int) -> None:
    """Load a file whose header can be read."""
    import torch

    from infill_completion.engine.checkpoints.gguf.loading import load_gguf

    fingerprint(path)
    kv_bytes(path, 10, torch.float32)
    try:
        ModelSettings.read(path)
        Tokenizer.load(path)
    except ModelError as error:
        check_sentence(str(error))
    try:
        assert weight_bytes(path, "none", torch.float32) <= size * _MOST_GROWTH
        load_gguf(path, torch.float32, torch.device("cpu"))
    except ModelError as error:
        check_sentence(str(error))
