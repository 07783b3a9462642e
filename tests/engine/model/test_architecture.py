"""What configurations ask for: each family computes what transformers does, and anything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from infill_completion.catalog import FAMILIES
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.architecture import architecture_of, entries_of, window_of
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from tests.engine.model.native.test_families import families, ids_of, model_of

_CONFIG = {
    "hidden_size": 64, "num_attention_heads": 4, "rms_norm_eps": 1e-6, "norm_epsilon": 1e-5,
    "max_position_embeddings": 512,
}  # fmt: skip
all_families = pytest.mark.parametrize("family", FAMILIES)


def config(family: str, **changes: Any) -> dict[str, Any]:
    return {**_CONFIG, "model_type": family, **changes}


def logits(decoder: Decoder, ids: torch.Tensor) -> torch.Tensor:
    cache = KVCache(decoder.kv_shape, ids.shape[1])
    pieces = ((0, 17), (17, 18), (18, ids.shape[1]))
    return torch.cat([decoder.forward(ids[:, a:b], cache, a, all_logits=True) for a, b in pieces], 1)


@families
def test_logits_in_float32_are_those_of_transformers(shape: dict[str, Any]) -> None:
    model, ids = model_of(**shape).float(), ids_of(24)
    with torch.inference_mode():
        expected = model(ids).logits
    got = logits(Decoder(model, 64), ids)
    assert (got - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "linear", "factor": 4.0},
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 16},
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
        {"rope_type": "dynamic", "factor": 4.0},
    ],
    ids=lambda rope: rope["rope_type"],
)  # fmt: skip
@pytest.mark.parametrize("family", ["Llama", "Granite", "Starcoder2"])
def test_scaled_positions_are_those_of_transformers(family: str, rope: dict[str, Any]) -> None:
    model = model_of(family, hidden_size=64, rope_parameters={"rope_theta": 1e4, **rope}).float()
    ids = ids_of(40)
    with torch.inference_mode():
        expected = model(ids).logits
    got = logits(Decoder(model, 64), ids)
    assert (got - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize("family", ["Mistral", "Starcoder2", "Qwen2"])
def test_a_sliding_window_is_never_exceeded(family: str) -> None:
    extra = {"use_sliding_window": True, "max_window_layers": 0} if family == "Qwen2" else {}
    model, ids = model_of(family, hidden_size=64, sliding_window=24, **extra).float(), ids_of(24)
    decoder = Decoder(model, 24)
    assert decoder.architecture.window == 24
    with torch.inference_mode():
        expected = model(ids).logits
    assert (logits(decoder, ids) - expected).norm() < 1e-4 * expected.norm()
    with pytest.raises(ModelError, match=r"sees 24 tokens at a time, and 25 are asked for; lower engine\.context"):
        Decoder(model, 25)


@pytest.mark.parametrize(
    ("family", "entries", "window"),
    [
        ("llama", {}, None),
        ("mistral", {}, 4096),
        ("mistral", {"sliding_window": None}, None),
        ("mistral", {"sliding_window": 32}, 32),
        ("qwen2", {"sliding_window": 131072, "use_sliding_window": False}, None),
        ("qwen2", {"sliding_window": 131072, "use_sliding_window": True}, 131072),
        ("qwen3", {"sliding_window": 8}, None),
        ("starcoder2", {}, None),
        ("starcoder2", {"sliding_window": 4096}, 4096),
        ("granite", {"sliding_window": None}, None),
    ],
)
def test_windows_are_those_of_transformers(family: str, entries: dict[str, Any], window: int | None) -> None:
    import transformers

    assert window_of(config(family, **entries)) == window
    theirs = transformers.AutoConfig.for_model(family, **entries)
    assert window_of(entries_of(theirs)) == window


@all_families
@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"hidden_act": "relu"}, "the activation `relu`"),
        ({"hidden_act": "gelu"}, "the activation `gelu`"),
        ({"hidden_act": ["silu"]}, "the activation `"),
        ({"rope_scaling": {"type": "mrope"}}, "scales its positions by `mrope`"),
        ({"rope_parameters": {"rope_type": "longrope", "original_max_position_embeddings": 16}}, "`longrope`"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}, "max_position_embeddings": 32}, "`dynamic`"),
        ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "scales its positions"),
        ({"rope_scaling": "linear"}, "scales its positions"),
        ({"partial_rotary_factor": 0.25}, "a share of 0.25 of each head"),
        ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, "a share of 0.5 of each head"),
        ({"final_logit_softcapping": 30.0}, "has `final_logit_softcapping`"),
        ({"attn_logit_softcapping": 50.0}, "has `attn_logit_softcapping`"),
        ({"query_pre_attn_scalar": 224}, "has `query_pre_attn_scalar`"),
        ({"model_type": "gemma2"}, "Models of type `gemma2` are not supported"),
    ],
    ids=str,
)
def test_what_is_not_supported_is_refused_in_a_sentence(family: str, entries: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError) as caught:
        architecture_of(config(family, **entries), 64)
    assert says in str(caught.value)
    assert "choose " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["embedding_multiplier", "residual_multiplier", "attention_multiplier"])
def test_factors_belong_to_granite(name: str) -> None:
    architecture_of(config("llama", **{name: 1.0}))
    architecture_of(config("granite", **{name: 0.25}))
    with pytest.raises(ModelError, match=name):
        architecture_of(config("llama", **{name: 0.25}))


@all_families
def test_a_configuration_without_the_rest_is_plain(family: str) -> None:
    found = architecture_of(config(family), 64)
    assert found.is_gated == (family != "starcoder2")
    assert found.is_plain == (family not in {"starcoder2", "granite"})


def test_synonyms_of_an_activation_are_the_same() -> None:
    for family, activation in (("llama", "swish"), ("starcoder2", "gelu_new")):
        architecture_of(config(family, hidden_act=activation))
