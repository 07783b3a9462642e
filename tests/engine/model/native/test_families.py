"""The compiled step on each family of models: the logits of transformers on the same rounded weights."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import step as native
from infill_completion.engine.model.native.step import NativeStep
from tests.engine.model.native.int8_models import RoundedCache, empty_cache, float_model, needs_compiler

pytestmark = needs_compiler

_VOCABULARY = 301
_FAMILIES: dict[str, dict[str, Any]] = {
    "Llama, tied, nine heads": {
        "family": "Llama", "tie_word_embeddings": True, "hidden_size": 576, "num_attention_heads": 9,
        "num_key_value_heads": 3, "intermediate_size": 1536,
    },
    "Llama with all biases": {
        "family": "Llama", "attention_bias": True, "mlp_bias": True, "hidden_size": 72, "head_dim": 16,
    },
    "Mistral": {"family": "Mistral", "hidden_size": 104, "head_dim": 32, "intermediate_size": 200},
    "Qwen2, tied": {
        "family": "Qwen2", "tie_word_embeddings": True, "hidden_size": 896, "num_attention_heads": 14,
        "intermediate_size": 1216,
    },
    "Qwen2, untied, odd widths": {"family": "Qwen2", "hidden_size": 132, "head_dim": 48, "intermediate_size": 77},
    "Qwen3": {"family": "Qwen3", "hidden_size": 68, "head_dim": 64, "intermediate_size": 99},
    "StarCoder2, tied": {"family": "Starcoder2", "tie_word_embeddings": True, "hidden_size": 96, "head_dim": 32},
    "StarCoder2, odd widths": {"family": "Starcoder2", "hidden_size": 140, "head_dim": 16, "intermediate_size": 77},
    "StarCoder2 without biases": {"family": "Starcoder2", "hidden_size": 64, "use_bias": False},
    "Granite": {
        "family": "Granite", "hidden_size": 128, "embedding_multiplier": 12.0, "residual_multiplier": 0.22,
        "attention_multiplier": 0.045, "logits_scaling": 6.0,
    },
    "Granite, tied, biases": {
        "family": "Granite", "tie_word_embeddings": True, "hidden_size": 192, "num_attention_heads": 6,
        "attention_bias": True, "mlp_bias": True, "attention_multiplier": 0.015625, "residual_multiplier": 0.22,
    },
    "Qwen3, tied": {"family": "Qwen3", "tie_word_embeddings": True, "hidden_size": 128, "head_dim": 128},
}  # fmt: skip
families = pytest.mark.parametrize("shape", _FAMILIES.values(), ids=_FAMILIES)


def model_of(family: str, **shape: Any) -> Any:
    """Return a model with random weights in bfloat16, of which even the norms and biases matter."""
    import transformers

    small: dict[str, Any] = {
        "vocab_size": _VOCABULARY, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 512, "tie_word_embeddings": False,
    }  # fmt: skip
    config = getattr(transformers, f"{family}Config")(**small | shape)
    torch.manual_seed(1)
    model = getattr(transformers, f"{family}ForCausalLM")(config).bfloat16().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.data.mul_(3) if parameter.ndim == 2 else parameter.data.add_(torch.randn_like(parameter) / 8)
    return model


def ids_of(count: int) -> torch.Tensor:
    return torch.randint(0, 290, (1, count), generator=torch.Generator().manual_seed(count))


@families
def test_logits_are_those_of_transformers_on_the_rounded_weights(library: ctypes.CDLL, shape: dict[str, Any]) -> None:
    model = model_of(**shape)
    decoder = Decoder(model, 64, cpu_int8=True, tokens=290)  # a padded vocabulary
    assert native.suits(decoder)
    reference = float_model(model, decoder)
    step, ids, cache = NativeStep(library, decoder), ids_of(24), empty_cache(decoder, 30)
    got = torch.cat(
        [step(ids[:, a:b], cache, a, all_logits=True) for a, b in ((0, 17), (17, 19), (19, 23), (23, 24))], 1
    )
    with torch.inference_mode():
        expected = reference(ids, past_key_values=RoundedCache()).logits[..., :290]
    # A key that lies between two integers may be rounded the other way, because torch adds in another order.
    assert (got - expected).norm() < 0.01 * expected.norm()
    assert got.shape == expected.shape


@families
def test_torch_computes_the_same_where_there_is_no_compiler(shape: dict[str, Any]) -> None:
    model = model_of(**shape)
    decoder = Decoder(model, 64, cpu_int8=True, tokens=290)
    reference, ids, cache = float_model(model, decoder), ids_of(24), KVCache(decoder.kv_shape, 24)
    pieces = [
        decoder.forward(ids[:, a:b], cache, a, all_logits=True) for a, b in ((0, 17), (17, 19), (19, 23), (23, 24))
    ]
    with torch.inference_mode():
        expected = reference(ids).logits[..., :290]
    assert (torch.cat(pieces, 1) - expected).norm() < 0.03 * expected.norm()  # its products round to bfloat16


@families
def test_tokens_have_the_same_bits_alone_in_drafts_and_in_prompts(library: ctypes.CDLL, shape: dict[str, Any]) -> None:
    decoder = Decoder(model_of(**shape), 64, cpu_int8=True)
    step, ids = NativeStep(library, decoder), ids_of(40)
    cache = empty_cache(decoder, 40)
    single = torch.cat([step(ids[:, at : at + 1], cache, at, all_logits=True) for at in range(40)], 1)
    assert torch.equal(step(ids, empty_cache(decoder, 44), 0, all_logits=True), single)
    for start, count in ((7, 2), (9, 5), (20, 16)):
        assert torch.equal(
            step(ids[:, start : start + count], cache, start, all_logits=True)[0], single[0, start:][:count]
        )


def test_tied_embeddings_are_held_once(library: ctypes.CDLL) -> None:
    decoder = Decoder(model_of("Llama", tie_word_embeddings=True, hidden_size=64), 64, cpu_int8=True)
    NativeStep(library, decoder)
    assert decoder.embed.dtype is torch.int8
    assert decoder.embed.data_ptr() == decoder.head.weight.data_ptr()  # type: ignore[attr-defined]


@pytest.mark.parametrize("tied", [True, False])
def test_rows_of_padding_have_no_logits_and_no_influence(library: ctypes.CDLL, tied: bool) -> None:
    model = model_of("Qwen2", hidden_size=64, tie_word_embeddings=tied)
    whole = NativeStep(library, Decoder(model, 64, cpu_int8=True))
    decoder = Decoder(model, 64, cpu_int8=True, tokens=290)
    ids = ids_of(9)
    logits = NativeStep(library, decoder)(ids, empty_cache(decoder, 9), 0, all_logits=True)
    again = whole(ids, empty_cache(decoder, 9), 0, all_logits=True)
    assert logits.shape[-1] == 290
    assert (again[..., :290] - logits).norm() < 0.02 * logits.norm()  # rounded twice


def test_a_pass_takes_the_step_for_tied_models() -> None:
    assert ForwardPass(
        Decoder(model_of("Qwen2", tie_word_embeddings=True, hidden_size=64), 64, cpu_int8=True)
    ).kv_shape.is_rounded
