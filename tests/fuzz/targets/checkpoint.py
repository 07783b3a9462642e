"""The files of a checkpoint that this project reads itself: headers of safetensors, indices and settings."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infill_completion.catalog import identify
from infill_completion.catalog.local import is_complete
from infill_completion.engine.checkpoints.configuration import check_configuration
from infill_completion.engine.checkpoints.model_settings import ModelSettings
from infill_completion.engine.checkpoints.weights import tensor_sizes
from infill_completion.engine.errors import ModelError
from tests.fuzz.targets.engine_http import check_sentence

_FILES = ("config.json", "model.safetensors.index.json", "infill.json", "tokenizer.json", "model.safetensors")


def _safetensors(header: object, values: int = 16) -> str:
    body = json.dumps(header).encode()
    return (struct.pack("<Q", len(body)) + body + b"\0" * values).decode("latin-1")


class CheckpointFolder:
    """A folder with any contents: its sizes and settings, or an error of the model in one sentence."""

    name = "checkpoint"

    def seeds(self) -> Sequence[bytes]:
        """Return folders as JSON objects of file names and contents (Latin-1)."""
        config = {
            "model_type": "llama", "num_attention_heads": 4, "hidden_size": 64, "num_hidden_layers": 2,
            "intermediate_size": 128, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100,
            "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2048, "tie_word_embeddings": True,
        }  # fmt: skip
        tensor = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
        weights = _safetensors({"model.embed_tokens.weight": tensor, "__metadata__": {"format": "pt"}})
        settings = {"layout": "spm", "heal": True, "cache": {}, "draft_tokens": 4, "context_tokens": 2048}
        index = {"metadata": {"total_size": 16}, "weight_map": {"model.embed_tokens.weight": "model.safetensors"}}
        whole = {
            "config.json": json.dumps(config), "infill.json": json.dumps(settings), "tokenizer.json": "{}",
            "model.safetensors": weights,
        }  # fmt: skip
        star = config | {
            "model_type": "starcoder2", "hidden_act": "gelu_pytorch_tanh", "norm_epsilon": 1e-5, "sliding_window": 64,
            "rope_scaling": {"type": "linear", "factor": 2.0},
        }  # fmt: skip
        folders = [
            {**whole, "config.json": json.dumps(star)},
            whole,
            {**whole, "model.safetensors.index.json": json.dumps(index)},
            {"config.json": "[]"},
        ]
        return [json.dumps(folder).encode() for folder in folders]

    def run(self, data: bytes) -> None:
        """Write the folder and read it as the catalog and the engine do."""
        try:
            contents = json.loads(data)
        except (ValueError, RecursionError):
            contents = {"model.safetensors": data.decode("latin-1")}
        if not isinstance(contents, dict):
            return
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in _FILES:
                if isinstance(text := contents.get(file), str):
                    (folder / file).write_bytes(text.encode("latin-1", "replace"))
            _read(folder)


def _read(folder: Path) -> None:
    assert is_complete(folder) in {True, False}
    identify(folder, "")
    try:
        sizes = tensor_sizes(folder)
        assert all(size >= 0 for size in sizes.values())
    except ModelError as error:
        check_sentence(str(error))
    try:
        check_configuration(folder)
    except ModelError as error:
        check_sentence(str(error))
    try:
        ModelSettings.read(folder)
    except ModelError as error:
        check_sentence(str(error))
