from __future__ import annotations

import pytest
import torch

from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.prefill import prefill
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.kv_slots import Slots, common_prefix


@pytest.fixture
def decoder(tiny: Generator) -> Decoder:
    return tiny.model.forward_pass.decoder


def test_common_prefix_counts_equal_tokens() -> None:
    assert [common_prefix(a, b) for a, b in (([], [1]), ([1, 2], [1, 2, 3]), ([1, 2, 3], [1, 9, 3]), ([2], [1]))] == [
        0, 2, 1, 0,
    ]  # fmt: skip
    for at in range(50):
        assert common_prefix(list(range(50)), [*range(at), -1, *range(at + 1, 60)]) == at


def test_the_slot_with_the_longest_common_start_is_used(decoder: Decoder) -> None:
    slots = Slots(decoder.kv_shape, 64, 2)
    first, second = [1, *range(10, 40)], [1, *range(50, 90)]
    for ids in (first, second):
        slot, cached = slots.acquire(ids)
        prefill(ForwardPass(decoder), slot, ids, lambda: None)
        slots.release(slot)
    assert cached == 1  # the shared start was copied, the first document's slot left alone
    for ids in (first, second):
        slot, cached = slots.acquire([*ids, 7])
        assert cached == len(ids)
        slot.ids = ids
        slots.release(slot)


def test_the_same_prompt_again_computes_its_last_token_only(decoder: Decoder) -> None:
    slots, ids = Slots(decoder.kv_shape, 64, 1), [1, 2, 3, 4]
    slot, _ = slots.acquire(ids)
    first = prefill(ForwardPass(decoder), slot, ids, lambda: None)
    slots.release(slot)
    slot, cached = slots.acquire(ids)
    assert cached == 3
    assert torch.allclose(prefill(ForwardPass(decoder), slot, ids, lambda: None), first, atol=1e-4)


def test_the_oldest_slot_makes_room(decoder: Decoder) -> None:
    slots = Slots(decoder.kv_shape, 64, 2)
    documents = [[100 * number, *range(10)] for number in (1, 2, 3)]
    for ids in documents:
        slot, _ = slots.acquire(ids)
        slot.ids = ids
        slots.release(slot)
    assert [slots.acquire(ids)[1] for ids in (documents[2], documents[1])] == [10, 10]


def test_a_busy_slot_is_left_alone_and_what_it_shares_is_copied(decoder: Decoder) -> None:
    slots, ids = Slots(decoder.kv_shape, 64, 1), [1, *range(10, 40)]
    running, _ = slots.acquire(ids)
    prefill(ForwardPass(decoder), running, ids, lambda: None)
    other, cached = slots.acquire([*ids, 7])
    assert other is not running
    assert cached == len(ids)
    assert running.ids == ids
    alone = decoder.forward(torch.tensor([[*ids, 7]]), KVCache(decoder.kv_shape, 64), 0)
    assert torch.allclose(prefill(ForwardPass(decoder), other, [*ids, 7], lambda: None), alone, atol=1e-4)
    assert slots.bytes == 2 * running.cache.bytes
    slots.release(running)
    slots.release(other)
    assert slots.bytes == running.cache.bytes  # the one too many is gone
