"""The kernels between the matrix products of a prompt, run on the CPU, against torch in float64 and a plain decoder."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from infill_completion.engine.model.cuda.kernels.prefill import kernel_ops, rotate_and_write, supports
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.fused_ops import PLAIN, FusedOps
from infill_completion.engine.model.kv_cache import KVCache, KVRows, KVShape
from infill_completion.engine.model.norms import Norm
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def close(mine: Tensor, exact: Tensor) -> None:
    """Check that numbers are the exact ones, rounded about once."""
    rtol = 2**-8 if mine.dtype == torch.bfloat16 else 2**-10
    torch.testing.assert_close(mine.double(), exact.double(), rtol=rtol, atol=1e-3)


@pytest.mark.parametrize("hidden", [8, 264, 896, 5120, 16384])
def test_a_sum_and_its_norm_are_those_of_torch(emulated: EmulatedKernels, number: torch.dtype, hidden: int) -> None:
    x, change, weight = torch.randn(1, 3, hidden).to(number), torch.randn(1, 3, hidden).to(number), torch.randn(hidden)
    summed, normed = kernel_ops(emulated).add_and_norm(x, change, Norm(weight.to(number)), 1e-5)
    assert torch.equal(summed, x + change)
    close(normed, F.rms_norm(summed.double(), (hidden,), weight.to(number).double(), 1e-5))


@pytest.mark.parametrize(("heads", "kv_heads", "head_dim"), [(3, 3, 16), (8, 2, 64), (40, 40, 128), (4, 1, 80)])
def test_rotations_are_those_of_torch(
    emulated: EmulatedKernels, number: torch.dtype, heads: int, kv_heads: int, head_dim: int
) -> None:
    qkv = torch.randn(2, 5, heads + 2 * kv_heads, head_dim).to(number)
    cos, sin = torch.randn(5, 1, head_dim).to(number), torch.randn(5, 1, head_dim).to(number)
    qk = qkv[:, :, : heads + kv_heads]
    exact = PLAIN.rotate(qk.double(), cos.double(), sin.double())
    close(kernel_ops(emulated).rotate(qk, cos, sin), exact)
    cache = torch.full((2, 1, kv_heads, 11, head_dim), 9.0).to(number)
    keys, values = (KVRows(rows, None) for rows in cache)
    queries = rotate_and_write(emulated, qkv[1].reshape(5, -1), cos, sin, keys, values, 4)
    close(queries, exact[1:, :heads])
    close(cache[0, :, :, 4:9], exact[1:, heads:])
    assert torch.equal(cache[1, 0, :, 4:9], qkv[1, :, heads + kv_heads :].transpose(0, 1))
    assert bool((cache[:, :, :, :4] == 9).all())
    assert bool((cache[:, :, :, 9:] == 9).all())


@pytest.mark.parametrize(("heads", "kv_heads"), [(3, 3), (8, 1), (5, 2)])
def test_a_rounded_cache_gets_what_it_would_round_itself(
    emulated: EmulatedKernels, number: torch.dtype, heads: int, kv_heads: int
) -> None:
    """Rows of zeros, of one large number, and of the largest one included."""
    qkv = torch.randn(5, heads + 2 * kv_heads, 128).to(number)
    qkv[1, heads:], qkv[2, heads:] = 0.0, 1e-4
    qkv[2, heads:, 77], qkv[3, heads:, 0] = 300.0, torch.finfo(torch.float16).max
    cos, sin = torch.randn(5, 1, 128).to(number), torch.randn(5, 1, 128).to(number)
    cos[2:4], sin[2:4] = 1.0, 0.0
    shape = KVShape((torch.device("cpu"),), kv_heads, 128, number)
    plain, mine, theirs = (KVCache(each, 11) for each in (shape, *[shape._replace(dtype=torch.int8)] * 2))
    flat = qkv.reshape(5, -1)
    expected = rotate_and_write(emulated, flat, cos, sin, plain.keys[0], plain.values[0], 4)
    assert torch.equal(rotate_and_write(emulated, flat, cos, sin, mine.keys[0], mine.values[0], 4), expected)
    keys, values = plain.read(0, 11)
    theirs.write(0, keys[:, :, 4:9], values[:, :, 4:9], 4)
    for rows, others in ((mine.keys[0], theirs.keys[0]), (mine.values[0], theirs.values[0])):
        assert torch.equal(rows.numbers, others.numbers)
        assert rows.scale is not None
        assert others.scale is not None
        assert torch.equal(rows.scale, others.scale)
    torch.testing.assert_close(mine.read(0, 11)[1][:, :, 7], values[:, :, 7].float(), rtol=0.01, atol=300.0)


@pytest.mark.parametrize("intermediate", [8, 200, 2048, 11008])
def test_gates_are_those_of_torch(emulated: EmulatedKernels, number: torch.dtype, intermediate: int) -> None:
    gate_up = (torch.randn(1, 3, 2 * intermediate) * 4).to(number)
    gate_up[0, 0, :6] = torch.tensor([0.0, -0.0, 1e3, -1e3, 88.0, -88.0]).to(number)
    close(kernel_ops(emulated).gate(gate_up), PLAIN.gate(gate_up.double()))


def test_codellama_is_supported_and_sizes_that_are_not_are_known() -> None:
    assert all(supports(*sizes) for sizes in ((4096, 128, 11008), (5120, 128, 13824), (8192, 128, 22016)))
    assert not any(supports(*sizes) for sizes in ((4100, 128, 11008), (4096, 100, 11008), (32768, 128, 11008)))


def hidden_states(decoder: Decoder, ids: Tensor, ops: FusedOps) -> Tensor:
    """Return the hidden states of a prompt, in float64."""
    cache, length = KVCache(decoder.kv_shape, 32), ids.shape[1]

    def write(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        cache.write(layer, keys, values, 0)
        return cache.read(layer, length)

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True)

    at = torch.arange(length)
    with torch.inference_mode():
        return decoder.hidden_states(ids, decoder.cos[at], decoder.sin[at], write, attend, ops).double()


@pytest.mark.parametrize("dtype", [None, torch.int8], ids=["16 bits", "8 bits"])
def test_a_prompt_in_chunks_is_written_by_one_kernel(
    emulated: EmulatedKernels, number: torch.dtype, dtype: torch.dtype | None
) -> None:
    """With the logits that the cache's own rounding gives, and with a fork after it."""
    config = LlamaConfig(
        vocab_size=100, hidden_size=256, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=128, max_position_embeddings=64,
    )  # fmt: skip
    decoder = Decoder(LlamaForCausalLM(config).eval().to(dtype=number), 32)
    shape, ids = decoder.kv_shape._replace(dtype=dtype or number), torch.randint(100, (1, 21))

    def run(ops: FusedOps) -> Tensor:
        decoder.ops, cache = ops, KVCache(shape, 32)
        parts = [(0, 9, None), (9, 17, None), (17, 21, Fork(17, 2))]
        return torch.cat(
            [decoder.forward(ids[:, a:b], cache, a, all_logits=True, fork=fork) for a, b, fork in parts], 1
        )

    ops = kernel_ops(emulated)
    mine, theirs = run(ops), run(ops._replace(rotate_and_write=None))
    assert (mine - theirs).norm() <= 0.01 * theirs.norm()


def test_a_prompt_through_a_model_is_as_exact_as_with_operators(emulated: EmulatedKernels, number: torch.dtype) -> None:
    config = LlamaConfig(
        vocab_size=100, hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    model.to(dtype=number)
    ids = torch.randint(100, (1, 21))
    decoder = Decoder(model, 32)
    mine, plain = (hidden_states(decoder, ids, ops) for ops in (kernel_ops(emulated), PLAIN))
    exact = hidden_states(Decoder(model.float(), 32), ids, PLAIN)
    assert (mine - exact).square().mean() < 1.1 * (plain - exact).square().mean()
