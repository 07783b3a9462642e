from __future__ import annotations

from typing import Any

import pytest
import torch

from infill_completion.api import FinishReason
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.loop import InterruptedPrefillError, generate, prefill
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache, Slots, common_prefix

PROMPTS = [[1, 77, 1203, 9], [1, 400, 12, 3000, 8, 21, 95], [1, 5]]


def greedy_by_transformers(model: Any, prompt: list[int], count: int) -> list[int]:
    """Continue by whole forward passes, the slow way that cannot go wrong."""
    ids = list(prompt)
    for _ in range(count):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.fixture
def decoder(tiny: Generator) -> Decoder:
    return tiny.model.forward_pass.decoder


def test_a_ragged_batch_continues_each_prompt_as_if_alone(tiny: Generator, decoder: Decoder) -> None:
    answers = generate(decoder, PROMPTS, 8, temperature=0.0)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        assert answer.tokens == greedy_by_transformers(tiny.model.transformers_model, prompt, 8)
        assert answer.logprobs is None


def test_echo_repeats_the_prompt(decoder: Decoder) -> None:
    plain = generate(decoder, PROMPTS, 4, temperature=0.0)
    echoed = generate(decoder, PROMPTS, 4, temperature=0.0, echo=True)
    assert [answer.tokens for answer in echoed] == [p + a.tokens for p, a in zip(PROMPTS, plain, strict=True)]


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_log_probabilities_are_those_of_a_whole_forward_pass(
    tiny: Generator, decoder: Decoder, echo: bool, temperature: float
) -> None:
    for prompt, answer in zip(
        PROMPTS, generate(decoder, PROMPTS, 5, temperature, logprobs=True, echo=echo, seed=3), strict=True
    ):
        whole = answer.tokens if echo else prompt + answer.tokens
        with torch.inference_mode():
            likely = tiny.model.transformers_model(torch.tensor([whole])).logits[0].log_softmax(-1)
        expected = [0.0] + [likely[at - 1, whole[at]].item() for at in range(1, len(whole))]
        assert answer.logprobs == pytest.approx(expected[0 if echo else len(prompt) :], abs=1e-4)
        assert len(answer.tokens) == 5 + (len(prompt) if echo else 0)


def test_a_row_ends_before_its_stop_token(decoder: Decoder) -> None:
    free = generate(decoder, PROMPTS, 8, temperature=0.0)
    stop = free[1].tokens[3]
    stopped = generate(decoder, PROMPTS, 8, temperature=0.0, stop_tokens=frozenset({stop}))
    for long, short in zip(free, stopped, strict=True):
        end = long.tokens.index(stop) if stop in long.tokens else 8
        assert short.tokens == long.tokens[:end]


def test_a_stop_token_inside_a_prompt_ends_nothing(decoder: Decoder) -> None:
    (answer,) = generate(decoder, [[1, 9, 9, 5]], 3, temperature=0.0, stop_tokens=frozenset({9}), echo=True)
    assert answer.tokens[:4] == [1, 9, 9, 5]


def test_the_seed_fixes_the_tokens(decoder: Decoder) -> None:
    runs = [generate(decoder, PROMPTS, 10, temperature=5.0, seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_cancelling_returns_what_is_there(decoder: Decoder) -> None:
    steps = iter([False, False, True])
    (answer,) = generate(decoder, [[1, 5]], 10, temperature=0.0, cancelled=lambda: next(steps))
    assert len(answer.tokens) == 2


def test_the_answer_is_cut_where_the_capacity_ends(decoder: Decoder) -> None:
    (answer,) = generate(decoder, [[1] * (decoder.capacity - 3)], 10, temperature=0.0)
    assert len(answer.tokens) == 3


def test_prefill_stops_between_chunks_and_goes_on_where_it_was(decoder: Decoder) -> None:
    ids = [1, *range(100, 400)]
    slot, cached = Slots(decoder.kv_shape, 400, 1).acquire(ids)
    polls = iter([None, FinishReason.CANCELLED])
    with pytest.raises(InterruptedPrefillError):
        prefill(ForwardPass(decoder), slot, ids, lambda: next(polls))
    assert 0 == cached < len(slot.ids) < len(ids)
    resumed = prefill(ForwardPass(decoder), slot, ids, lambda: None)
    whole = decoder.forward(torch.tensor([ids]), KVCache(decoder.kv_shape, 400), 0)
    assert torch.allclose(resumed, whole, atol=1e-3)


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
