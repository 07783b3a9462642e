"""GGUF files with any bytes: a model with finite work, or an error in one sentence."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infill_completion.catalog.gguf import GgufError, describe, read
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.weights import kv_bytes, weight_bytes
from infill_completion.engine.errors import ModelError
from tests.catalog.gguf.gguf_writer import Stored, floats, gguf, small_model
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
        nothing = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)
        return [whole, gguf(pieces, tensors), gguf(alone, packed), nothing, _granite(), _starcoder2()]

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


def _renamed(family: str) -> tuple[dict[str, Any], dict[str, Stored]]:
    metadata, tensors = small_model()
    named = {key.replace("llama.", f"{family}."): value for key, value in metadata.items()}
    return named | {"general.architecture": family}, tensors


def _granite() -> bytes:
    metadata, tensors = _renamed("granite")
    scales = {"embedding_scale": 12.0, "residual_scale": 0.22, "attention.scale": 0.5, "logit_scale": 8.0}
    return gguf(metadata | {f"granite.{key}": value for key, value in scales.items()}, tensors)


def _starcoder2() -> bytes:
    metadata, tensors = _renamed("starcoder2")
    metadata |= {"starcoder2.attention.layer_norm_epsilon": 1e-5, "starcoder2.attention.sliding_window": 32}
    del tensors["blk.0.ffn_gate.weight"]
    biases = {
        name.replace("weight", "bias"): floats(stored.shape[:1], [0.5] * stored.shape[0])
        for name, stored in tensors.items() if name != "token_embd.weight"
    }  # fmt: skip
    return gguf(metadata, tensors | biases)


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
