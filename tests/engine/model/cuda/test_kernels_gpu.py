"""The kernels on a CUDA device: products and steps against dequantised weights and torch's operators."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from infill_completion.catalog import ModelShape
from infill_completion.engine.bench.random_weights import random_model
from infill_completion.engine.checkpoints import devices, precision
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.kernels.loading import error, logits, prompt_error
from infill_completion.engine.model.cuda.kernels.packed_model import PackedModel
from infill_completion.engine.model.cuda.kernels.runtime import kernels
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.kernels.step_weights import step_weights
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
PROMPT = [1, 77, 203, 9, 400, 12, 300] * 60
SHAPES = {
    "alone": ModelShape(2, 512, 1408, 4, 4, 128, 1000),
    "shared keys": ModelShape(2, 1024, 2816, 16, 2, 64, 1000),
    "wide": ModelShape(1, 4096, 11008, 32, 32, 128, 32_016),
}


def made(shape: ModelShape, *, overlap: bool = True) -> tuple[StepKernels, Tensor]:
    """Return the kernels of a packed model, and the logits of a text before it was packed."""
    device = torch.device("cuda")
    dtype = precision.choose_dtype(device, "nf4")
    devices.choose_attention(device)
    model = random_model(shape, device, dtype, "nf4")
    decoder = Decoder(model, 1024)
    weights, expected = step_weights(model, decoder), logits(decoder)
    assert weights is not None
    launcher = kernels.load(device, dtype, overlap=overlap)
    processors = torch.cuda.get_device_properties(device).multi_processor_count
    PackedModel(model, decoder, weights, launcher, processors).pack()
    return StepKernels(decoder, weights, launcher, processors, 1024), expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("overlap", [False, True], ids=["in turn", "overlapping"])
def test_the_logits_are_those_of_torchs_operators(shape: str, overlap: bool) -> None:
    step_kernels, expected = made(SHAPES[shape], overlap=overlap)
    assert error(step_kernels, expected) < 0.03
    assert prompt_error(step_kernels.decoder, expected) < 0.02


@pytest.mark.parametrize("sampling", [Sampling(0.0, 0.9, 0), Sampling(0.8, 0.95, 7)], ids=["greedy", "sampled"])
@pytest.mark.parametrize("shape", ["alone", "shared keys"])
def test_graphs_and_drafts_give_the_tokens_of_single_steps(shape: str, sampling: Sampling) -> None:
    step_kernels, _ = made(SHAPES[shape])
    decoder = step_kernels.decoder

    def read(cache: KVCache) -> KVCache:
        decoder.forward(torch.tensor([PROMPT[:-1]], device=decoder.device), cache, 0)
        return cache

    def followed(loop: DeviceLoop, cache: KVCache) -> list[tuple[int, float]]:
        tokens = [(PROMPT[-1], 0.0)]
        for index in range(len(PROMPT) - 1, len(PROMPT) + 150):
            token = loop.follow(sampling, cache, tokens[-1][0], index)
            tokens.append((token.id, token.logprob))
        return tokens[1:]

    plain, replayed = (DeviceLoop(decoder, 4, kernels=step_kernels) for _ in range(2))
    plain.capture.is_on = False
    expected = followed(plain, read(KVCache(decoder.kv_shape, 1024)))
    cache = KVCache(decoder.kv_shape, 1024)
    replayed.prepare(cache)
    assert replayed.capture.is_on, replayed.capture.error
    assert followed(replayed, read(cache)) == expected
    for start in range(0, 140, 7):
        fed = [PROMPT[-1] if start == 0 else expected[start - 1][0], *(id_ for id_, _ in expected[start : start + 7])]
        got = replayed.check(sampling, cache, fed, len(PROMPT) - 1 + start)
        assert [(token.id, token.logprob) for token in got] == expected[start : start + 8]
