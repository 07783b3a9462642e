from __future__ import annotations

import pytest
import torch

from infill_completion.api import FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.prefill import InterruptedPrefillError, prefill
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.kv_slots import Slots


@pytest.fixture
def decoder(tiny: Generator) -> Decoder:
    return tiny.model.forward_pass.decoder


def test_prefill_stops_between_chunks_and_resumes_there(decoder: Decoder) -> None:
    ids = [1, *range(100, 400)]
    slot, cached = Slots(decoder.kv_shape, 400, 1).acquire(ids)
    polls = iter([None, FinishReason.CANCELLED])
    with pytest.raises(InterruptedPrefillError):
        prefill(ForwardPass(decoder), slot, ids, lambda: next(polls))
    assert 0 == cached < len(slot.ids) < len(ids)
    resumed = prefill(ForwardPass(decoder), slot, ids, lambda: None)
    whole = decoder.forward(torch.tensor([ids]), KVCache(decoder.kv_shape, 400), 0)
    assert torch.allclose(resumed, whole, atol=1e-3)
