"""What a CUDA device runs operator by operator, on the CPU: each family computes what transformers does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from infill_completion.engine.model.cuda.kernels.step_weights import step_weights
from infill_completion.engine.model.cuda.static_step import StaticStep, bucket_of
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from tests.engine.model.native.test_families import families, ids_of, model_of


@families
def test_prompts_and_static_steps_are_those_of_transformers(
    shape: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, ids = model_of(**shape).float(), ids_of(24)
    decoder = Decoder(model, 512)
    with torch.inference_mode():
        expected = model(ids).logits[0]
    cache = KVCache(decoder.kv_shape, 512)
    monkeypatch.setattr(decoder, "_is_cuda", True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    for start, end in ((0, 12), (12, 20)):
        logits = decoder.forward(ids[:, start:end], cache, start, all_logits=True)[0]
        assert (logits - expected[start:end]).norm() < 1e-4 * expected.norm()
    step = StaticStep(decoder, 4)
    step.feed(ids[0, 20:].tolist(), 20)
    step.run(cache, bucket_of(24, 512))
    assert (step.logits - expected[20:]).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize(
    "shape",
    [
        {"family": "Starcoder2", "hidden_size": 256, "head_dim": 64},
        {"family": "Granite", "hidden_size": 256, "head_dim": 64, "residual_multiplier": 0.22},
        # Factors of 1, but its attention has a scale of its own.
        {"family": "Granite", "hidden_size": 256, "head_dim": 64},
        {"family": "Qwen3", "hidden_size": 256, "head_dim": 64},
    ],
    ids=lambda shape: shape["family"],
)
def test_the_kernels_leave_other_layers_to_torch(shape: dict[str, Any]) -> None:
    model = model_of(**shape)
    assert step_weights(model, Decoder(model, 64)) is None
