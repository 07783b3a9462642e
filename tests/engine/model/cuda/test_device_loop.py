"""The step that a CUDA graph captures, run operator by operator: the tokens and the distribution of the loop."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch

from infill_completion.api import CompletionRequest
from infill_completion.engine.bench.subject import drawn
from infill_completion.engine.bench.workload import endless, request_of
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.cuda.capture import GraphCapture
from infill_completion.engine.model.cuda.choice import choose_static
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.static_step import bucket_of
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling
from infill_completion.engine.reference import generate
from infill_completion.settings import EngineSettings
from tests.engine.decoding.test_sampler import DRAWS, chi_square, reference_top_p

COLD = Sampling(0.0, 0.9, 0)
PROMPT = [1, 77, 1203, 9, 400, 12, 3000]
CUDA = os.environ.get("INFILL_LS_TEST_DEVICE", "cuda").startswith("cuda")


def read(decoder: Decoder, prompt: Sequence[int], capacity: int = 512) -> KVCache:
    """Return a cache that holds all tokens of a prompt except the last one."""
    return read_into(decoder, prompt, KVCache(decoder.kv_shape, capacity))


def read_into(decoder: Decoder, prompt: Sequence[int], cache: KVCache) -> KVCache:
    decoder.forward(torch.tensor([prompt[:-1]], device=decoder.device), cache, 0)
    return cache


def answered(generator: Generator, request: CompletionRequest) -> str:
    generator.model.recent_texts.clear()
    return "".join(chunk.text for chunk in generator.stream(request, lambda: False))


def followed(
    loop: DeviceLoop, sampling: Sampling, cache: KVCache, prompt: Sequence[int], count: int
) -> list[tuple[int, float]]:
    tokens = [(prompt[-1], 0.0)]
    for index in range(len(prompt) - 1, len(prompt) - 1 + count):
        token = loop.follow(sampling, cache, tokens[-1][0], index)
        tokens.append((token.id, token.logprob))
    return tokens[1:]


@pytest.fixture
def decoder(tiny: Generator) -> Decoder:
    return tiny.model.forward_pass.decoder


@pytest.fixture
def loop(decoder: Decoder) -> DeviceLoop:
    return DeviceLoop(decoder, 4)


@pytest.mark.parametrize("length", [7, 250, 380])
def test_greedy_tokens_and_their_log_probabilities_are_those_of_the_loop(
    decoder: Decoder, loop: DeviceLoop, length: int
) -> None:
    """Also where the answer crosses the end of a bucket."""
    prompt = (PROMPT * 60)[:length]
    (expected,) = generate(decoder, [prompt], 12, temperature=0.0, logprobs=True)
    got = followed(loop, COLD, read(decoder, prompt), prompt, 12)
    assert [id_ for id_, _ in got] == expected.tokens
    assert [logprob for _, logprob in got] == pytest.approx(expected.logprobs, abs=1e-4)


def test_heads_that_share_keys_and_heads_that_do_not_agree_with_the_loop(exact: Generator) -> None:
    (expected,) = generate(exact.model.forward_pass.decoder, [PROMPT], 8, temperature=0.0)
    got = followed(
        DeviceLoop(exact.model.forward_pass.decoder, 4), COLD, read(exact.model.forward_pass.decoder, PROMPT), PROMPT, 8
    )
    assert [id_ for id_, _ in got] == expected.tokens


def test_attention_may_return_another_layout(
    decoder: Decoder, loop: DeviceLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA's kernels lay their result out token by token, and the CPU's head by head."""
    attention = torch.nn.functional.scaled_dot_product_attention
    expected = followed(loop, COLD, read(decoder, PROMPT), PROMPT, 6)

    def token_by_token(*arguments: Any, **options: Any) -> torch.Tensor:
        return attention(*arguments, **options).transpose(1, 2).contiguous().transpose(1, 2)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", token_by_token)
    cache, index = read(decoder, PROMPT), len(PROMPT) - 1
    assert followed(loop, COLD, cache, PROMPT, 6) == expected
    fed = [PROMPT[-1], *(id_ for id_, _ in expected[:3])]
    assert [token.id for token in loop.check(COLD, cache, fed, index)] == [id_ for id_, _ in expected[:4]]


def test_drafts_are_checked_in_one_step(decoder: Decoder, loop: DeviceLoop) -> None:
    (expected,) = generate(decoder, [PROMPT], 6, temperature=0.0)
    cache, index = read(decoder, PROMPT), len(PROMPT) - 1
    right = loop.check(COLD, cache, [PROMPT[-1], *expected.tokens[:3]], index)
    assert [token.id for token in right] == expected.tokens[:4]
    wrong = loop.check(COLD, cache, [expected.tokens[3], 5], index + 4)
    assert wrong[0].id == expected.tokens[4]
    # The wrong draft's keys are written anew.
    assert loop.follow(COLD, cache, expected.tokens[4], index + 5).id == expected.tokens[5]


def test_answers_that_take_turns_get_the_tokens_they_get_alone(decoder: Decoder, loop: DeviceLoop) -> None:
    other = [1, 5, 6]
    samplings = [Sampling(1.5, 0.95, 3), Sampling(1.5, 0.95, 4)]
    alone = [
        followed(loop, sampling, read(decoder, prompt), prompt, 10)
        for sampling, prompt in zip(samplings, (PROMPT, other), strict=True)
    ]
    caches = [read(decoder, PROMPT), read(decoder, other)]
    together: list[list[tuple[int, float]]] = [[(PROMPT[-1], 0.0)], [(other[-1], 0.0)]]
    for turn in range(10):
        for tokens, sampling, cache, prompt in zip(together, samplings, caches, (PROMPT, other), strict=True):
            token = loop.follow(sampling, cache, tokens[-1][0], len(prompt) - 1 + turn)
            tokens.append((token.id, token.logprob))
    assert [[id_ for id_, _ in tokens[1:]] for tokens in together] == [[id_ for id_, _ in tokens] for tokens in alone]


def test_a_step_that_ran_ahead_keeps_no_cache(decoder: Decoder, loop: DeviceLoop) -> None:
    """A cancelled request leaves such a step behind, and where memory is short the next one needs its place."""
    cache = read(decoder, PROMPT)
    left = ref(cache)
    token = loop.follow(COLD, cache, PROMPT[-1], len(PROMPT) - 1)
    assert loop.is_ahead(COLD, cache, token.id, len(PROMPT))
    assert not loop.is_ahead(COLD, read(decoder, PROMPT), token.id, len(PROMPT))
    del cache
    gc.collect()
    assert left() is None


def test_the_seed_fixes_the_tokens(decoder: Decoder, loop: DeviceLoop) -> None:
    runs = [followed(loop, Sampling(3.0, 1.0, seed), read(decoder, PROMPT), PROMPT, 10) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_token_of_the_hosts_own_choice_is_followed(decoder: Decoder, loop: DeviceLoop) -> None:
    cache, index = read(decoder, PROMPT), len(PROMPT) - 1
    loop.follow(COLD, cache, PROMPT[-1], index)
    (expected,) = generate(decoder, [[*PROMPT, 99]], 1, temperature=0.0)
    assert loop.follow(COLD, cache, 99, index + 1).id == expected.tokens[0]


def test_the_last_index_of_a_cache_is_used_and_none_after_it(decoder: Decoder, loop: DeviceLoop) -> None:
    cache = read(decoder, PROMPT, capacity=len(PROMPT) + 1)
    (expected,) = generate(decoder, [PROMPT], 2, temperature=0.0)
    assert [id_ for id_, _ in followed(loop, COLD, cache, PROMPT, 2)] == expected.tokens
    assert loop.reach(cache, len(PROMPT) - 3) == 0
    assert loop.reach(cache, len(PROMPT) - 4) == loop.width


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
def test_draws_follow_the_reference_distribution(p: float) -> None:
    logits = torch.randn(200, generator=torch.Generator().manual_seed(200)).mul(1.5)
    noise = torch.empty(DRAWS, 200).exponential_(generator=torch.Generator().manual_seed(7))
    temperature = torch.tensor(0.8)
    draws = choose_static(logits.expand(DRAWS, -1), temperature, torch.tensor(p), torch.tensor(False), noise)
    expected = reference_top_p((logits / temperature).softmax(-1).double().numpy(), p)
    freedom = int((expected > 0).sum()) - 1
    counts = np.bincount(draws.numpy(), minlength=200)
    assert chi_square(counts, expected) <= freedom + 6 * np.sqrt(2 * max(freedom, 1))


def test_buckets_hold_what_they_are_for_and_little_more() -> None:
    for length in range(1, 5000):
        bucket = bucket_of(length, 4608)
        assert bucket >= min(length, 4608)
        assert bucket <= max(256, length * 3 // 2)
        assert bucket % 128 == 0
    assert len({bucket_of(length, 4608) for length in range(4608)}) <= 10


def test_without_graphs_nothing_is_captured_and_nothing_is_lost(decoder: Decoder, loop: DeviceLoop) -> None:
    cache = read(decoder, PROMPT)
    first = followed(loop, COLD, cache, PROMPT, 4)
    loop.settle(cache, len(PROMPT) + 4)
    if decoder.device.type == "cpu":
        assert loop.graphs(cache) == 0
    assert followed(loop, COLD, cache, PROMPT, 4) == first


@pytest.mark.parametrize("shipped", [True, False])
def test_requests_get_the_same_text_from_the_device_as_from_the_host(tiny: Generator, shipped: bool) -> None:
    generator = endless(tiny, shipped=shipped)
    request = replace(request_of(generator, 200, 40), temperature=0.0)
    host = answered(generator, request)
    generator.model.device_loop = DeviceLoop(
        generator.model.forward_pass.decoder, generator.model.settings.draft_tokens
    )
    assert answered(generator, request) == host
    assert generator.model.device_loop.steps > 0


class Recorder(GraphCapture):
    """Graphs that run the operators again."""

    def __init__(self) -> None:
        super().__init__(is_possible=False)
        self.is_on = True

    def record(self, run: Callable[[], None]) -> Any:
        self.graphs += 1
        run()
        return SimpleNamespace(replay=run)


def test_the_graphs_of_the_warm_up_serve_the_first_request(tiny: Generator) -> None:
    generator = endless(tiny, shipped=False)
    loop = DeviceLoop(generator.model.forward_pass.decoder, 4)
    generator.model.device_loop, loop.capture = loop, Recorder()
    generator.warm_up()
    captured = loop.capture.graphs
    slot, cached = generator.model.slots.acquire(PROMPT)
    generator.model.slots.release(slot)
    assert loop.graphs(slot.cache) == captured > 0  # none was captured in vain
    assert cached == 0
    request = replace(request_of(generator, 200, 20), temperature=0.0)
    assert answered(generator, request) == answered(endless(tiny, shipped=False), request)
    assert loop.capture.graphs == captured


@pytest.mark.gpu
@pytest.mark.skipif(CUDA and not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_replayed_graph_gives_the_tokens_that_the_operators_give() -> None:
    device = os.environ.get("INFILL_LS_TEST_DEVICE", "cuda")
    subject = drawn("tiny", EngineSettings(device=device, quantization="nf4", context_tokens=1024))
    decoder = subject.generator.model.forward_pass.decoder
    plain, replayed = DeviceLoop(decoder, 4), DeviceLoop(decoder, 4)
    plain.capture.is_on = False
    cache = read(decoder, PROMPT, capacity=1024)
    replayed.prepare(cache)
    if decoder.device.type == "cuda":
        assert replayed.capture.is_on, replayed.capture.error
        assert replayed.graphs(cache) > 0
    cache = read_into(decoder, PROMPT, cache)
    for sampling in (COLD, Sampling(1.0, 0.9, 5)):
        eager = followed(plain, sampling, read(decoder, PROMPT, capacity=1024), PROMPT, 300)
        graph = followed(replayed, sampling, cache, PROMPT, 300)
        assert [id_ for id_, _ in graph] == [id_ for id_, _ in eager]
        fed, index = [PROMPT[-1], *(id_ for id_, _ in eager[:4])], len(PROMPT) - 1
        assert [token.id for token in replayed.check(sampling, cache, fed, index)] == [
            token.id for token in plain.check(sampling, cache, fed, index)
        ]
    start = len(PROMPT)
    typed = list(range(40, 40 + (replayed.reach(cache, start) if replayed.capture.is_on else 5)))
    fork = Fork(start, 3)
    for ids, whose in ((typed, None), ([7, 8, 9], fork)):
        expected = plain.score(cache, ids, start, whose)
        assert torch.equal(replayed.score(cache, ids, start, whose), expected)
    subject.generator.close()


def test_a_loop_says_how_its_steps_run(decoder: Decoder) -> None:
    loop = DeviceLoop(decoder, 4)
    assert loop.mode == "torch's operators, one launch at a time"
    loop.capture = Recorder()
    assert loop.mode == "torch's operators in CUDA graphs"
    loop.capture.is_on, loop.capture.error = False, "RuntimeError: no"
    assert loop.mode == "torch's operators, one launch at a time: RuntimeError: no"
