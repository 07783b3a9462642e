"""Shapes of models: what a ``config.json`` says, and the sizes that follow."""

from __future__ import annotations

from typing import Any

import pytest

from infill_completion.catalog import ModelShape, Quantization, find

CONFIG: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
    "intermediate_size": 128, "vocab_size": 300,
}  # fmt: skip


def test_what_a_configuration_leaves_out_is_as_in_transformers() -> None:
    assert ModelShape.of(CONFIG) == ModelShape(2, 64, 128, 4, 4, 16, 300)
    told = {"num_key_value_heads": 2, "head_dim": 32, "tie_word_embeddings": True}
    assert ModelShape.of(CONFIG | told) == ModelShape(2, 64, 128, 4, 2, 32, 300, tied=True)
    nothing = {"num_key_value_heads": None, "head_dim": None}
    assert ModelShape.of(CONFIG | nothing) == ModelShape.of(CONFIG)
    assert ModelShape.of(CONFIG | {"model_type": "starcoder2"}) == ModelShape(
        2, 64, 128, 4, 4, 16, 300, tied=True, gated=False
    )


@pytest.mark.parametrize("key", [key for key in CONFIG if key != "model_type"])
@pytest.mark.parametrize("value", [0, -4, 1.5, "64", [64], True, 1 << 60, float("inf")])
def test_a_size_that_no_model_can_have_is_an_error(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        ModelShape.of(CONFIG | {key: value})


@pytest.mark.parametrize("key", [key for key in CONFIG if key != "model_type"])
def test_a_size_that_is_missing_is_an_error(key: str) -> None:
    with pytest.raises(KeyError):
        ModelShape.of({name: value for name, value in CONFIG.items() if name != key})


@pytest.mark.parametrize(
    ("name", "parameters"),
    # As the model cards and reports give them.
    [
        ("Qwen/Qwen2.5-Coder-0.5B", 0.49e9),
        ("Qwen/Qwen2.5-Coder-1.5B", 1.54e9),
        ("Qwen/Qwen2.5-Coder-7B", 7.61e9),
        ("bigcode/starcoder2-3b", 3.03e9),
        ("bigcode/starcoder2-7b", 7.17e9),
        ("bigcode/starcoder2-15b", 15.96e9),
        ("ibm-granite/granite-3b-code-base-2k", 3.48e9),
        ("ibm-granite/granite-8b-code-base-4k", 8.05e9),
        ("ibm-granite/granite-3.3-2b-base", 2.53e9),
        ("ibm-granite/granite-3.3-8b-base", 8.17e9),
        ("JetBrains/Mellum-4b-base", 4.02e9),
        ("ByteDance-Seed/Seed-Coder-8B-Base", 8.25e9),
    ],
)
def test_shapes_have_the_published_number_of_parameters(name: str, parameters: float) -> None:
    model = find(name)
    assert model is not None
    assert model.shape is not None
    assert abs(model.shape.parameters - parameters) < 0.01 * parameters


def test_a_layer_without_a_gate_has_a_matrix_less() -> None:
    gated, plain = ModelShape(1, 64, 128, 4, 4, 16, 300), ModelShape(1, 64, 128, 4, 4, 16, 300, gated=False)
    assert gated.linear_weights - plain.linear_weights == 64 * 128
    assert gated.linear_rows - plain.linear_rows == 128
    assert gated.weight_bytes(Quantization.BF16) - plain.weight_bytes(Quantization.BF16) == 2 * 64 * 128
