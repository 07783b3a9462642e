from __future__ import annotations

from pathlib import Path

import pytest
import torch

from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int8
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.settings import EngineSettings
from tests.engine.tiny import VOCABULARY, save_tiny


def token_ids(batch: int, length: int) -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(length))


def in_pieces(decoder: Decoder, ids: torch.Tensor, *ends: int) -> torch.Tensor:
    """Run a batch through the decoder in pieces that end at ``ends``, as prefill and decode do."""
    cache = KVCache(decoder.kv_shape, ids.shape[1] + 3, ids.shape[0])
    starts = (0, *ends[:-1])
    pieces = [decoder.forward(ids[:, a:b], cache, a, all_logits=True) for a, b in zip(starts, ends, strict=True)]
    return torch.cat(pieces, 1)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"num_key_value_heads": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}},
        {"num_key_value_heads": 1, "head_dim": 32},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}},
        {"attention_bias": True, "tie_word_embeddings": True},
    ],
    ids=["grouped heads", "one key head each", "wide heads", "scaled rope", "biases and tied head"],
)
def test_logits_are_those_of_transformers(tmp_path: Path, shape: dict[str, object]) -> None:
    loaded = load(
        EngineSettings(model=str(save_tiny(tmp_path, **shape)), device="cpu", quantization="none"),
        lambda share, doing: None,
    )
    ids = token_ids(2, 40)
    with torch.inference_mode():
        expected = loaded.model(ids).logits
    mine = in_pieces(Decoder(loaded.model, 64), ids, 25, 38, 39, 40)
    assert (mine - expected).abs().max() < 1e-4 * expected.abs().max()


def test_the_transformers_model_still_works_once_its_weights_are_joined(tiny: Generator, tiny_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    ids = token_ids(1, 20)
    with torch.inference_mode():
        untouched = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)(ids).logits
        assert torch.allclose(tiny.model.transformers_model(ids).logits, untouched, atol=1e-5)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_quantised_models_run_on_the_cpu_on_the_same_path(
    tiny_folder: Path, quantization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "available", lambda: False)  # else the CPU's own int8 would be taken
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization=quantization)
    loaded = load(settings, lambda share, doing: None)
    kind = type(loaded.model.model.layers[0].mlp.down_proj).__name__
    assert kind == {"nf4": "Linear4bit", "int8": "Linear8bitLt"}[quantization]
    ids = token_ids(1, 30)
    with torch.inference_mode():
        expected = loaded.model(ids).logits.float()
    mine = in_pieces(Decoder(loaded.model, 64), ids, 20, 29, 30)
    assert (mine - expected).abs().max() < 0.05 * expected.abs().max()  # the noise of bf16


@pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")
def test_int8_weights_compute_what_the_rounded_weights_do(tiny_folder: Path) -> None:
    loaded = load(EngineSettings(model=str(tiny_folder), device="cpu", quantization="int8"), lambda share, doing: None)
    assert loaded.cpu_int8
    with torch.inference_mode():
        whole = loaded.model(token_ids(1, 30)).logits.float()
    decoder = Decoder(loaded.model, 64, cpu_int8=True)
    with torch.inference_mode():
        rounded = loaded.model(token_ids(1, 30)).logits.float()
    mine = in_pieces(decoder, token_ids(1, 30), 20, 26, 29, 30)
    assert 0 < (rounded - whole).abs().max() < 0.1 * whole.abs().max()  # rounding changes little
    assert (mine - rounded).abs().max() < 0.05 * rounded.abs().max()  # the noise of bf16


@pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU")
@pytest.mark.parametrize("rows", [1, 3, 8, 9, 40])
def test_few_rows_and_many_rows_agree(rows: int) -> None:
    random = torch.Generator().manual_seed(rows)
    weight = torch.randn(48, 64, generator=random).bfloat16()
    bias = torch.randn(48, generator=random).bfloat16()
    original = weight.float().clone()
    product = int8.Int8Linear(weight, bias)
    x = torch.randn(2, rows, 64, generator=random).bfloat16()
    expected = x.float() @ original.T + bias.float()
    assert (product(x).float() - expected).abs().max() < 0.03 * expected.abs().max()
    assert (weight.float() - original).abs().max() <= original.abs().max() / 127


def test_nf4_is_double_quantised_and_computes_in_sixteen_bits(tiny_folder: Path) -> None:
    loaded = load(EngineSettings(model=str(tiny_folder), device="cpu", quantization="nf4"), lambda share, doing: None)
    weight = loaded.model.model.layers[0].self_attn.q_proj.weight
    assert (weight.quant_type, weight.compress_statistics) == ("nf4", True)
    assert loaded.model.model.layers[0].self_attn.q_proj.compute_dtype is torch.bfloat16


def test_tokens_after_the_valid_length_do_not_count(tiny: Generator) -> None:
    decoder, ids = tiny.model.forward_pass.decoder, token_ids(1, 30)
    cache = KVCache(decoder.kv_shape, 40)
    decoder.forward(ids, cache, 0)
    again = decoder.forward(ids[:, 10:20], cache, 10)  # rolled back to 10, with stale tokens after it
    fresh = decoder.forward(ids[:, :20], KVCache(decoder.kv_shape, 40), 0)
    assert torch.allclose(again, fresh, atol=1e-4)


def test_another_architecture_is_refused_in_a_sentence(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=32, n_head=2, vocab_size=100))
    with pytest.raises(ModelError, match="`gpt2` are not supported"):
        Decoder(model, 16)
