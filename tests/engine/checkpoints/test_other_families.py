"""Whole checkpoints of each family: packed while read, through transformers, and with wrong configurations."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.engine.checkpoints.checkpoint import Checkpoint, load
from infill_completion.engine.checkpoints.packed_weights import StreamedModel, load_packed
from infill_completion.engine.checkpoints.quantize import quantize
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int8
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.settings import EngineSettings
from tests.engine.model.native.test_families import _FAMILIES, families, ids_of, model_of

needs_int8 = pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")


def save(folder: Path, **shape: Any) -> Path:
    """Write a checkpoint with random weights and the embedded model's tokenizer, and return its folder."""
    model_of(**{"vocab_size": 4096, **shape}).save_pretrained(folder)
    shutil.copy(EMBEDDED / "tokenizer.json", folder / "tokenizer.json")
    return folder


def loaded(folder: Path, *, without_transformers: bool, quantization: str = "int8") -> Checkpoint:
    settings = EngineSettings(model=str(folder), device="cpu", quantization=quantization)
    return load(settings, lambda *_: None, without_transformers=without_transformers)


def logits(decoder: Decoder) -> torch.Tensor:
    return decoder.forward(ids_of(24), KVCache(decoder.kv_shape, 24), 0, all_logits=True)


@needs_int8
@families
def test_packed_weights_are_those_of_transformers(tmp_path: Path, shape: dict[str, Any]) -> None:
    folder = save(tmp_path, **shape)
    streamed, whole = (loaded(folder, without_transformers=each) for each in (True, False))
    assert isinstance(streamed.model, StreamedModel)
    mine, theirs = (Decoder(each.model, 64, cpu_int8=True) for each in (streamed, whole))
    for ours, other in zip(mine.layers, theirs.layers, strict=True):
        for name in ("qkv", "out", "gate_up", "down"):
            left, right = getattr(ours, name), getattr(other, name)
            assert torch.equal(left.weight, right.weight)
            assert torch.equal(left.scale, right.scale)
            assert (left.bias is None) == (right.bias is None)
        for name in ("input_norm", "post_norm", "next_norm"):
            assert torch.equal(getattr(ours, name).weight, getattr(other, name).weight)
            assert (getattr(ours, name).bias is None) == (getattr(other, name).bias is None)
    assert (logits(mine) - logits(theirs)).norm() < 0.03 * logits(theirs).norm()  # embeddings have 8 bits
    four = Decoder(load_packed(folder, 4), 64, cpu_int8=True)
    # Random weights have no structure that 4 bits would keep; a wrong layer would be as far away as another model.
    assert (logits(four) - logits(theirs)).norm() < 0.8 * logits(theirs).norm()


@families
def test_a_checkpoint_in_float32_completes_as_transformers_does(tmp_path: Path, shape: dict[str, Any]) -> None:
    folder = save(tmp_path, **shape)
    checkpoint = loaded(folder, without_transformers=False, quantization="none")
    with torch.inference_mode():
        expected = checkpoint.model(ids_of(24)).logits
    assert (logits(Decoder(checkpoint.model, 64)) - expected).norm() < 1e-4 * expected.norm()


def changed(folder: Path, **entries: Any) -> Path:
    """Change the configuration of a checkpoint."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **entries}), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("family", "entries", "says"),
    [
        ("Llama with all biases", {"attention_bias": False}, "has the tensor model.layers.0.self_attn."),
        ("Llama with all biases", {"mlp_bias": False}, "has the tensor model.layers.0.mlp."),
        ("Llama, tied, nine heads", {"attention_bias": True}, "lacks the tensor model.layers.0.self_attn."),
        ("StarCoder2, tied", {"use_bias": False}, "has the tensor model.layers.0."),
        ("Granite", {"mlp_bias": True}, "lacks the tensor model.layers.0.mlp."),
        ("StarCoder2, tied", {"hidden_act": "relu"}, "the activation `relu`"),
        ("Granite", {"hidden_act": "gelu"}, "the activation `gelu`"),
        ("Mistral", {"partial_rotary_factor": 0.5}, "a share of 0.5"),
        ("Qwen3", {"final_logit_softcapping": 30.0}, "has `final_logit_softcapping`"),
    ],
)
@pytest.mark.parametrize("without_transformers", [True, False])
@pytest.mark.parametrize("quantization", ["none", pytest.param("int8", marks=needs_int8)])
def test_a_checkpoint_that_contradicts_its_configuration_is_refused(
    tmp_path: Path, family: str, entries: dict[str, Any], says: str, *, without_transformers: bool, quantization: str
) -> None:
    folder = changed(save(tmp_path, **_FAMILIES[family]), **entries)
    with pytest.raises(ModelError) as caught:
        loaded(folder, without_transformers=without_transformers, quantization=quantization)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_buffers_that_older_versions_saved_are_no_contradiction(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save(tmp_path, **_FAMILIES["Mistral"])
    tensors = load_file(folder / "model.safetensors")
    tensors |= {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for without_transformers in (True, False):
        assert loaded(folder, without_transformers=without_transformers, quantization="none")


@pytest.mark.parametrize("family", ["StarCoder2, tied", "Granite, tied, biases"])
def test_the_engine_keeps_prompts_within_the_window(tmp_path: Path, family: str) -> None:
    folder = changed(save(tmp_path, **_FAMILIES[family]), sliding_window=100)
    settings = EngineSettings(model=str(folder), device="cpu")
    generator = Generator.load(settings, lambda *_: None, without_transformers=True)
    decoder = generator.model.forward_pass.decoder
    assert decoder.architecture.window == 100
    assert decoder.capacity <= 100
    assert generator.details["context_tokens"] <= 75
    generator.close()


@pytest.mark.parametrize("family", ["StarCoder2, tied", "Granite, tied, biases"])
def test_a_checkpoint_in_nf4_computes_what_transformers_does(tmp_path: Path, family: str) -> None:
    pytest.importorskip("bitsandbytes")
    shape = {**_FAMILIES[family], "hidden_size": 192, "intermediate_size": 256}
    quantize(str(save(tmp_path / "whole", **shape)), tmp_path / "nf4", lambda doing: None)
    for folder in (tmp_path / "whole", tmp_path / "nf4"):
        checkpoint = loaded(folder, without_transformers=True, quantization="nf4")
        with torch.inference_mode():
            expected = checkpoint.model(ids_of(24)).logits.float()
        assert (logits(Decoder(checkpoint.model, 64)) - expected).norm() < 0.03 * expected.norm()  # bfloat16
