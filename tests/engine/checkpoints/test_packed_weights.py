"""Checkpoints that are packed while they are read: the same numbers as through transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.engine.checkpoints import tensor_files
from infill_completion.engine.checkpoints.checkpoint import Checkpoint, load
from infill_completion.engine.checkpoints.modules import rotary_of
from infill_completion.engine.checkpoints.packed_weights import StreamedModel, can_stream, load_packed
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int4, int8
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.settings import EngineSettings
from tests.engine.tiny import save_tiny

pytestmark = pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")

_SHAPES: dict[str, dict[str, Any]] = {
    "tied": {"tie_word_embeddings": True},
    "untied": {},
    "biases": {"attention_bias": True},
    "narrow": {"hidden_size": 72, "head_dim": 16, "intermediate_size": 100},
}


def loaded(folder: Path, *, without_transformers: bool) -> Checkpoint:
    settings = EngineSettings(model=str(folder), device="cpu", quantization="int8")
    return load(settings, lambda *_: None, without_transformers=without_transformers)


def logits(decoder: Decoder) -> torch.Tensor:
    ids = torch.arange(5, 29)[None]
    return decoder.forward(ids, KVCache(decoder.kv_shape, 24), 0, all_logits=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", _SHAPES.values(), ids=_SHAPES)
def test_the_numbers_are_those_of_transformers(
    tmp_path: Path, shape: dict[str, Any], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(save_tiny(tmp_path, **shape), dtype=dtype)
    model.save_pretrained(tmp_path)
    monkeypatch.setattr(tensor_files, "_AT_ONCE", 1000)  # several parts of each matrix
    streamed, whole = (loaded(tmp_path, without_transformers=each) for each in (True, False))
    assert isinstance(streamed.model, StreamedModel)
    mine, theirs = (Decoder(each.model, 64, cpu_int8=True) for each in (streamed, whole))
    for ours, other in zip(mine.layers, theirs.layers, strict=True):
        for name in ("qkv", "out", "gate_up", "down"):
            left, right = getattr(ours, name), getattr(other, name)
            assert torch.equal(left.weight, right.weight)
            assert torch.equal(left.scale, right.scale)
            assert (left.bias is None) == (right.bias is None)
            assert left.bias is None or torch.allclose(left.bias, right.bias.float(), rtol=1e-2)
        assert torch.equal(ours.input_norm.weight, other.input_norm.weight)
        assert torch.equal(ours.next_norm.weight, other.next_norm.weight)
    assert torch.allclose(mine.cos, theirs.cos, atol=1e-5)
    # Packed embeddings have 8 bits, also those that are not the head's.
    assert (logits(mine) - logits(theirs)).norm() < 0.02 * logits(theirs).norm()
    assert streamed.weight_bytes < whole.weight_bytes


def test_four_bits_are_those_of_the_whole_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path, hidden_size=72, head_dim=16, intermediate_size=100)
    monkeypatch.setattr(tensor_files, "_AT_ONCE", 1000)  # parts that end within a tile of 16 rows
    layer: Any = load_packed(folder, 4).model.layers[1]
    monkeypatch.undo()
    files = tensor_files.stored_tensors([folder / "model.safetensors"])
    for held, block, names in (
        (layer.self_attn.qkv_proj, "self_attn", ("q_proj", "k_proj", "v_proj")),
        (layer.mlp.down_proj, "mlp", ("down_proj",)),
    ):
        weight = torch.cat([files[f"model.layers.1.{block}.{name}.weight"].read() for name in names])
        packed = torch.zeros(int4.shape_of(*weight.shape), dtype=torch.uint8)
        int4.pack_into(packed, weight)
        assert isinstance(held, Int4Linear)
        assert torch.equal(held.weight, packed)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "gpt2"},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"rope_parameters": {"rope_type": "llama3", "factor": 8.0}},  # without the other numbers
        {"rope_parameters": {"rope_type": "linear", "factor": []}},
        {"rope_parameters": None, "rope_scaling": {"type": "yarn", "factor": 2.0}},
    ],
)
def test_other_checkpoints_are_left_to_transformers(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = save_tiny(tmp_path)
    assert can_stream(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    assert not can_stream(folder)


def test_configurations_of_older_versions_are_understood() -> None:
    rotary = rotary_of({"hidden_size": 64, "num_attention_heads": 4, "rope_theta": 1e6})
    expected = rotary_of({"head_dim": 16, "rope_parameters": {"rope_theta": 1e6}})
    assert rotary is not None
    assert expected is not None
    assert torch.equal(rotary._frequencies, expected._frequencies)


LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


@pytest.mark.parametrize("generation", ["rope_parameters", "rope_scaling"])
@pytest.mark.parametrize("rope", [{"rope_type": "linear", "factor": 4.0}, LLAMA3], ids=["linear", "llama3"])
def test_scaled_positions_are_those_of_transformers(tmp_path: Path, rope: dict[str, Any], generation: str) -> None:
    folder = save_tiny(tmp_path, head_dim=32, rope_parameters=rope | {"rope_theta": 1e5})
    if generation == "rope_scaling":  # as older versions wrote it: DeepSeek-Coder, Llama 3.1
        config = json.loads((folder / "config.json").read_text())
        old = {"rope_scaling": rope, "rope_theta": 1e5} if rope is LLAMA3 else {
            "rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 1e5,
        }  # fmt: skip
        config = {key: value for key, value in config.items() if key != "rope_parameters"} | old
        (folder / "config.json").write_text(json.dumps(config))
    streamed, whole = (loaded(folder, without_transformers=each) for each in (True, False))
    assert isinstance(streamed.model, StreamedModel)
    mine, theirs = (Decoder(each.model, 512, cpu_int8=True) for each in (streamed, whole))
    assert torch.allclose(mine.cos, theirs.cos, atol=1e-4)
    assert torch.allclose(mine.sin, theirs.sin, atol=1e-4)
    assert (logits(mine) - logits(theirs)).norm() < 0.03 * logits(theirs).norm()


@pytest.mark.parametrize("name", ["model.norm.weight", "model.layers.1.mlp.up_proj.weight"])
def test_a_missing_tensor_is_reported_in_a_sentence(tmp_path: Path, name: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = save_tiny(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=f"lacks the tensor {name}"):
        loaded(folder, without_transformers=True)
