"""What a device chooses depends on the seed and the position alone, not on drafts, other requests or who chooses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from infill_completion.api import CompletionRequest
from infill_completion.engine.bench.workload import endless, request_of
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.cuda.choice import DeviceChoice
from infill_completion.engine.model.cuda.device_loop import DeviceLoop
from infill_completion.engine.model.cuda.noise import Draw, Noise
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.sampling import Sampling
from tests.engine.model.cuda.test_device_loop import PROMPT, followed, read
from tests.engine.tiny import never

WARM = Sampling(1.5, 0.95, 3)


@pytest.fixture
def decoder(tiny: Generator) -> Decoder:
    return tiny.model.forward_pass.decoder


def on_device(generator: Generator, *, shipped: bool = False, has_loop: bool = True) -> Generator:
    """Return a copy that chooses as it would on a device, though its tensors are on the CPU."""
    copy = endless(generator, shipped=shipped)
    decoder = copy.model.forward_pass.decoder
    copy.model.device_choice = DeviceChoice(decoder.vocab_size, decoder.device)
    copy.model.device_loop = DeviceLoop(decoder, copy.model.settings.draft_tokens) if has_loop else None
    return copy


def answers(generator: Generator, request: CompletionRequest) -> list[str]:
    """Return the text of each candidate."""
    texts = [""] * request.n
    for chunk in generator.stream(request, never):
        texts[chunk.index] += chunk.text
    return texts


def test_a_checked_draft_is_followed_by_the_token_that_a_single_step_draws(decoder: Decoder) -> None:
    loop = DeviceLoop(decoder, 4)
    expected = [id_ for id_, _ in followed(loop, WARM, read(decoder, PROMPT), PROMPT, 8)]
    cache, index = read(decoder, PROMPT), len(PROMPT) - 1
    right = loop.check(WARM, cache, [PROMPT[-1], *expected[:4]], index)
    assert [token.id for token in right] == expected[:5]
    wrong = loop.check(WARM, cache, [expected[4], expected[0] + 1], index + 5)
    assert wrong[0].id == expected[5]
    assert loop.follow(WARM, cache, expected[5], index + 6).id == expected[6]


@pytest.mark.parametrize("seed", range(4))
def test_a_seeded_answer_is_the_same_with_and_without_drafts(exact: Generator, seed: int) -> None:
    """An earlier answer is the draft: a right one, a wrong one, and one that ends early."""
    request = replace(request_of(exact, 120, 40), temperature=0.9, top_p=1.0, seed=seed)
    (expected,) = answers(on_device(exact), request)
    drafting = on_device(exact).with_settings(draft_tokens=4)
    for earlier in (request, replace(request, seed=seed + 100), replace(request, max_tokens=9)):
        drafting.model.recent_texts.clear()
        answers(drafting, earlier)
        loop = DeviceLoop(drafting.model.forward_pass.decoder, 4)
        drafting.model.device_loop = loop
        assert answers(drafting, request) == [expected]
        assert earlier is not request or loop.steps < 30  # the drafts were used


def test_typed_text_gets_the_answer_of_the_longer_prompt(tiny: Generator) -> None:
    """With the first letters of the answer typed, the rest of it is drafted, and a word is being spelled meanwhile."""
    request = replace(request_of(tiny, 120, 30), temperature=0.9, top_p=1.0, seed=5)
    generator = on_device(tiny).with_settings(draft_tokens=4, heal=True)
    (first,) = answers(generator, request)
    typed = replace(request, prefix=request.prefix + first[:7])
    (drafted,) = answers(generator, typed)
    (plain,) = answers(on_device(tiny).with_settings(draft_tokens=0, heal=True), typed)
    assert drafted == plain


@pytest.mark.parametrize("temperature", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("count", [2, 4, 7])
def test_candidates_get_the_tokens_that_the_host_would_choose(tiny: Generator, temperature: float, count: int) -> None:
    request = replace(request_of(tiny, 120, 12), temperature=temperature, top_p=1.0, seed=5, n=count)
    device = on_device(tiny)
    loop = device.model.device_loop
    assert loop is not None
    texts = answers(device, request)
    assert texts == answers(on_device(tiny, has_loop=False), request)
    assert temperature == 0.0 or len(set(texts)) > 1
    assert count > loop.width or loop.steps > 0


def test_each_candidate_draws_like_a_single_one_with_a_seed_of_its_own(tiny: Generator) -> None:
    request = replace(request_of(tiny, 120, 12), temperature=0.9, top_p=1.0, seed=5)
    alone = [answers(on_device(tiny), replace(request, seed=5 + number))[0] for number in range(3)]
    assert answers(on_device(tiny), replace(request, n=3)) == alone


@pytest.mark.parametrize(("count", "steps"), [(3, 1), (7, 2)])
def test_wide_steps_choose_for_all_candidates(decoder: Decoder, count: int, steps: int) -> None:
    loop, cache, fork = DeviceLoop(decoder, 4), read(decoder, PROMPT), Fork(len(PROMPT), count)
    loop.score(cache, PROMPT[-1:], len(PROMPT) - 1)
    tokens, logits = loop.fork(WARM, cache, range(7, 7 + count), len(PROMPT), fork)
    assert (len(tokens), loop.steps) == (count, 1 + steps)
    choice = DeviceChoice(decoder.vocab_size, decoder.device)
    for number, (token, row) in enumerate(zip(tokens, logits, strict=True)):
        same = choice.choose(row, WARM, Draw(WARM.seed + number, len(PROMPT)))
        assert token.id == same.id
        assert token.logprob == pytest.approx(same.logprob, abs=1e-5)


def test_noise_depends_on_the_seed_and_the_position_alone() -> None:
    one, many = Noise(1, 50, torch.device("cpu")), Noise(3, 50, torch.device("cpu"))
    many.draw([Draw(4, 10), Draw(4, 11), Draw(5, 10)])
    assert bool((many.samples > 0).all())
    for row, draw in zip(many.samples.clone(), [Draw(4, 10), Draw(4, 11), Draw(5, 10)], strict=True):
        one.draw([draw])
        assert torch.equal(one.samples[0], row)
    assert not torch.equal(many.samples[0], many.samples[1])
    assert not torch.equal(many.samples[0], many.samples[2])
