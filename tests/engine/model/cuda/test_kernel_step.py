"""A whole decode step in the kernels, on a CPU, against the decoder over the same 4-bit weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from infill_completion.catalog import ModelShape
from infill_completion.engine.bench.random_weights import random_model
from infill_completion.engine.model.cuda.choice import KernelChoice
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.kernels import loading
from infill_completion.engine.model.cuda.kernels.loading import (
    error,
    logits,
    prompt_error,
    rounded_shape,
    use_for_prompts,
)
from infill_completion.engine.model.cuda.kernels.packed_model import PackedModel
from infill_completion.engine.model.cuda.kernels.products import Places
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.kernels.step_weights import step_weights
from infill_completion.engine.model.cuda.noise import Draw
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.fused_ops import PLAIN
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

SHAPE = ModelShape(2, 256, 384, 4, 2, 64, 500)
PROMPT = [1, 77, 203, 9, 400, 12, 300]
COLD, WARM = Sampling(0.0, 0.9, 0), Sampling(0.8, 0.95, 7)
CAPACITY = 300


@dataclass(frozen=True)
class Case:
    model: Any
    decoder: Decoder
    kernels: StepKernels
    unpacked_logits: Tensor

    def loop(self) -> DeviceLoop:
        return DeviceLoop(self.decoder, 4, kernels=self.kernels)

    def read(self, prompt: list[int], dtype: torch.dtype | None = None) -> KVCache:
        """Return a cache that holds all tokens of a prompt except the last one."""
        shape = self.decoder.kv_shape
        cache = KVCache(shape._replace(dtype=dtype or shape.dtype), CAPACITY)
        self.decoder.forward(torch.tensor([prompt[:-1]]), cache, 0)
        return cache


def made(emulated: EmulatedKernels, number: torch.dtype, shape: ModelShape) -> Case:
    model = random_model(shape, torch.device("cpu"), number, "nf4")
    decoder = Decoder(model, CAPACITY)
    weights, unpacked_logits = step_weights(model, decoder), logits(decoder)
    assert weights is not None
    PackedModel(model, decoder, weights, emulated, 2).pack()
    return Case(model, decoder, StepKernels(decoder, weights, emulated, 2, CAPACITY), unpacked_logits)


@pytest.fixture
def case(emulated: EmulatedKernels, number: torch.dtype) -> Case:
    return made(emulated, number, SHAPE)


@pytest.fixture
def large_heads(emulated: EmulatedKernels, number: torch.dtype) -> Case:
    """A model whose keys and values can be rounded to 8 bits."""
    return made(emulated, number, ModelShape(2, 256, 384, 2, 1, 128, 500))


def in_float32(model: Any) -> Any:
    """Replace the 4-bit layers of a model by what they stand for."""
    import bitsandbytes

    bnb: Any = bitsandbytes
    for name, module in list(model.named_modules()):
        if type(module).__name__ == "Linear4bit":
            parent, _, child = name.rpartition(".")
            weight = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state).float()
            linear = nn.Linear(module.in_features, module.out_features, bias=False, device="meta")
            linear.weight = nn.Parameter(weight, requires_grad=False)
            setattr(model.get_submodule(parent), child, linear)
    return model.float()


def test_the_logits_are_those_of_a_float32_forward(case: Case, number: torch.dtype) -> None:
    ids, zero = torch.tensor([[5, 1, 77, 203, 9, 400, 12, 300]]), torch.zeros(1, dtype=torch.long)
    got = case.kernels.run(ids, Places(zero, zero, zero + 1), KVCache(case.decoder.kv_shape, 256), 256)
    exact = Decoder(in_float32(random_model(SHAPE, torch.device("cpu"), number, "nf4")), CAPACITY)
    expected = exact.forward(ids, KVCache(exact.kv_shape, 256), 0, all_logits=True)[0]
    difference = got[:, : SHAPE.vocab].float() - expected
    assert difference.norm() / expected.norm() < (0.015 if number is torch.bfloat16 else 0.002)


def test_the_check_at_load_accepts_the_kernels(case: Case) -> None:
    assert error(case.kernels, case.unpacked_logits) < 0.03
    assert prompt_error(case.decoder, case.unpacked_logits) < 0.03


@pytest.mark.parametrize("sampling", [COLD, WARM])
def test_drafts_get_exactly_the_tokens_of_single_steps(case: Case, sampling: Sampling) -> None:
    """With the same log-probabilities, to the last bit, across the end of a bucket."""
    prompt = (PROMPT * 40)[:252]
    loop, cache, fed = case.loop(), case.read(prompt), [prompt[-1]]
    single = []
    for index in range(len(prompt) - 1, len(prompt) + 6):
        single.append(loop.follow(sampling, cache, fed[-1], index))
        fed.append(single[-1].id)
    checked = loop.check(sampling, case.read(prompt), fed[:7], len(prompt) - 1)
    assert checked == single


def test_a_step_scores_several_candidates_in_one_cache(case: Case) -> None:
    shared, candidates = len(PROMPT) - 1, [[9, 31], [44, 45]]
    cache = case.read(PROMPT)
    fork = Fork(shared, 2)
    interleaved = [ids[at] for at in range(2) for ids in candidates]
    together = case.loop().score(cache, interleaved, shared, fork)
    for number, ids in enumerate(candidates):
        alone = case.loop().score(case.read(PROMPT), ids, shared)
        torch.testing.assert_close(together[number::2], alone, rtol=0.02, atol=0.02)


def test_tokens_are_the_same_when_the_host_has_them_chosen_from_the_scores(case: Case) -> None:
    """For one text and for three candidates after it."""
    loop, cache, index = case.loop(), case.read(PROMPT), len(PROMPT) - 1
    choice = KernelChoice(case.kernels.launcher, case.decoder.vocab_size, case.decoder.device)
    single = loop.check(WARM, cache, PROMPT[-1:], index)[0]
    scores = loop.score(cache, PROMPT[-1:], index)[0]
    assert choice.choose(scores, WARM, Draw(WARM.seed, index)) == single
    assert choice.choose(scores, COLD, Draw(0, index)).id == int(scores.argmax())
    tokens, rows = loop.fork(WARM, cache, range(7, 10), index + 1, Fork(index + 1, 3))
    again = [choice.choose(row, WARM, Draw(WARM.seed + number, index + 1)) for number, row in enumerate(rows)]
    assert again == tokens


def test_layers_that_are_not_in_four_bits_keep_torchs_operators() -> None:
    model = random_model(SHAPE, torch.device("cpu"), torch.bfloat16, "none")
    assert step_weights(model, Decoder(model, CAPACITY)) is None


def test_prompts_are_read_in_kernels_that_agree_with_the_operators(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.tensor([PROMPT])
    plain = case.decoder.forward(ids, KVCache(case.decoder.kv_shape, 16), 0)
    assert use_for_prompts(case.kernels)
    assert case.decoder.ops is not PLAIN
    mine = case.decoder.forward(ids, KVCache(case.decoder.kv_shape, 16), 0)
    assert 0 < (mine - plain).norm() / plain.norm() < 0.05
    monkeypatch.setattr(loading, "prompt_error", lambda decoder, expected: 0.5)
    assert not use_for_prompts(case.kernels)
    assert case.decoder.ops is PLAIN

    def fails(decoder: Decoder, expected: Tensor) -> float:
        raise RuntimeError("CUDA cannot launch (CUDA_ERROR_INVALID_VALUE).")

    monkeypatch.setattr(loading, "prompt_error", fails)
    assert not use_for_prompts(case.kernels)
    assert case.decoder.ops is PLAIN


@pytest.mark.parametrize("sampling", [COLD, WARM])
@pytest.mark.parametrize("has_ops", [False, True], ids=["torch's prompt", "kernels' prompt"])
def test_drafts_on_rounded_keys_get_the_tokens_of_single_steps(
    large_heads: Case, sampling: Sampling, has_ops: bool
) -> None:
    case = large_heads
    assert not has_ops or use_for_prompts(case.kernels)
    loop, cache, fed = case.loop(), case.read(PROMPT, torch.int8), [PROMPT[-1]]
    single = []
    for index in range(len(PROMPT) - 1, len(PROMPT) + 6):
        single.append(loop.follow(sampling, cache, fed[-1], index))
        fed.append(single[-1].id)
    assert loop.check(sampling, case.read(PROMPT, torch.int8), fed[:7], len(PROMPT) - 1) == single
    copy = KVCache(cache.shape, CAPACITY)
    copy.copy_from(cache, len(PROMPT) + 3)
    at = len(PROMPT) + 3
    assert case.loop().follow(sampling, copy, fed[4], at) == single[4]


def test_rounded_keys_change_the_logits_little(large_heads: Case) -> None:
    case = large_heads
    scores = [
        case.loop().score(case.read(PROMPT * 8, dtype), PROMPT[-1:], 8 * len(PROMPT) - 1)
        for dtype in (None, torch.int8)
    ]
    assert 0 < (scores[1] - scores[0]).norm() / scores[0].norm() < 0.03
    shape = rounded_shape(case.kernels)
    assert shape is not None
    assert shape.is_rounded
    assert shape.bytes_per_token < 0.52 * case.decoder.kv_shape.bytes_per_token


def test_candidates_share_rounded_keys(large_heads: Case) -> None:
    case, shared, candidates = large_heads, len(PROMPT) - 1, [[9, 31], [44, 45]]
    cache = case.read(PROMPT, torch.int8)
    interleaved = [ids[at] for at in range(2) for ids in candidates]
    together = case.loop().score(cache, interleaved, shared, Fork(shared, 2))
    for number, ids in enumerate(candidates):
        alone = case.loop().score(case.read(PROMPT, torch.int8), ids, shared)
        torch.testing.assert_close(together[number::2], alone, rtol=0.02, atol=0.02)


def test_a_step_at_the_end_of_a_rounded_cache_writes_nothing_after_it(large_heads: Case) -> None:
    case, cache = large_heads, KVCache(large_heads.decoder.kv_shape._replace(dtype=torch.int8), 256)
    loop = case.loop()
    loop.check(COLD, cache, [5, 6], 254)
    keys = cache.keys[0]
    assert keys.scale is not None
    assert bool((keys.scale[0, :, 254:] > 0).all())
    assert bool((keys.scale[0, :, :254] == 0).all())


def test_models_that_cannot_round_keep_sixteen_bits(
    case: Case, large_heads: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rounded_shape(case.kernels) is None
    monkeypatch.setattr(loading, "error", lambda *_: float("nan"))
    assert rounded_shape(large_heads.kernels) is None
