"""The compiled step on models of random shapes, compared with torch on the same weights and the same type of cache."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import step as native
from infill_completion.engine.model.native.step import NativeStep
from tests.engine.model.native.conftest import SANITIZED
from tests.engine.model.native.int8_models import float_model, needs_compiler
from tests.properties import tries

pytestmark = needs_compiler


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the configuration of a model that the step supports."""
    kv_heads, head_dim = draw(st.integers(1, 3)), 16 * draw(st.integers(1, 16))
    heads = kv_heads * draw(st.integers(1, 4))
    heads, kv_heads = (heads, kv_heads) if heads * head_dim % 32 == 0 else (2 * heads, 2 * kv_heads)
    return {
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": head_dim,
        "hidden_size": math.lcm(32, heads) * draw(st.integers(1, 3)),  # transformers wants a multiple of the heads
        "intermediate_size": 32 * draw(st.integers(1, 12)),
        "num_hidden_layers": draw(st.integers(1, 2)), "vocab_size": draw(st.integers(8, 70)),
        "attention_bias": draw(st.booleans()),
    }  # fmt: skip


def models(shape: dict[str, Any], capacity: int, seed: int) -> tuple[Decoder, Decoder]:
    """Return an int8 decoder with random weights, and one with the same rounded weights in float32."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=False)).bfloat16().eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.data.mul_(4) if parameter.ndim == 2 else parameter.data.add_(torch.randn_like(parameter) / 8)
    decoder = Decoder(model, capacity, cpu_int8=True)
    return decoder, Decoder(float_model(model, decoder), capacity)


@given(
    shape=shapes(),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    batch=st.integers(1, 3),
    spare=st.integers(0, 5),
    seed=st.integers(0, 1 << 20),
)
@tries(20 if SANITIZED else 60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore")
def test_random_shapes_give_the_logits_of_torch(
    library: ctypes.CDLL, shape: dict[str, Any], lengths: list[int], batch: int, spare: int, seed: int
) -> None:
    total = sum(lengths)
    decoder, reference = models(shape, total, seed)
    assert native.suits(decoder)
    step = NativeStep(library, decoder)
    kv_shape = decoder.kv_shape._replace(dtype=torch.int8)
    caches = [KVCache(kv_shape, total + spare, batch) for _ in range(2)]
    ids = torch.randint(0, shape["vocab_size"], (batch, total), generator=torch.Generator().manual_seed(seed))
    start = 0
    for length in lengths:
        part = ids[:, start : start + length]
        got = step(part, caches[0], start, all_logits=True)
        expected = reference.forward(part, caches[1], start, all_logits=True)
        assert got.shape == expected.shape
        # Keys that lie between two integers may be rounded the other way, because torch adds in another order.
        assert (got - expected).norm() < 0.02 * expected.norm()
        start += length
