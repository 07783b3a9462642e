"""How a prompt is divided among threads and chunks."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch

from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.native.step import NativeStep
from tests.engine.model.native.int8_models import empty_cache, needs_compiler
from tests.engine.model.native.test_families import ids_of, model_of

pytestmark = needs_compiler


@pytest.mark.parametrize("threads", [1, 3])
def test_only_the_end_of_a_prompt_computes_logits(library: ctypes.CDLL, threads: int) -> None:
    decoder = Decoder(model_of("Qwen2", hidden_size=128, head_dim=64), 256, cpu_int8=True)
    forward_pass = ForwardPass(decoder, threads)
    forward_pass._step, forward_pass._is_decided = NativeStep(library, decoder), True
    forward_pass._step.prefills = True
    ids, cache = ids_of(250)[0].tolist(), empty_cache(decoder, 256)
    expected = forward_pass.prefill(ids, empty_cache(decoder, 256), 0).clone()
    assert forward_pass.prefill(ids[:128], cache, 0, is_last=False).numel() == 0
    got = forward_pass.prefill(ids[128:], cache, 128)
    forward_pass.close()
    assert torch.equal(got, expected)


def test_as_many_threads_read_a_prompt_as_share_a_step(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder(model_of("Qwen2", hidden_size=128, head_dim=64), 256, cpu_int8=True)
    forward_pass, seen = ForwardPass(decoder, 1, step_threads=3), list[int]()
    forward_pass._step, forward_pass._is_decided = NativeStep(library, decoder), True
    forward_pass._step.prefills = True
    forward, ids = forward_pass.forward, ids_of(200)[0].tolist()

    def counting(part: torch.Tensor, *place: Any, **more: Any) -> torch.Tensor:
        seen.append(part.shape[1])
        return forward(part, *place, **more)

    monkeypatch.setattr(forward_pass, "forward", counting)
    forward_pass.prefill(ids, empty_cache(decoder, 256), 0)
    forward_pass.close()
    assert sorted(seen) == [66, 67, 67]
