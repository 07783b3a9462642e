from __future__ import annotations

from typing import Any

import pytest
import torch

from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.reference import generate

PROMPTS = [[1, 77, 1203, 9], [1, 400, 12, 3000, 8, 21, 95], [1, 5]]


def greedy_by_transformers(model: Any, prompt: list[int], count: int) -> list[int]:
    """Continue a prompt by whole forward passes, which is slow but obviously right."""
    ids = list(prompt)
    for _ in range(count):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.fixture
def decoder(tiny: Generator) -> Decoder:
    return tiny.model.forward_pass.decoder


def test_a_ragged_batch_continues_each_prompt_as_it_would_alone(tiny: Generator, decoder: Decoder) -> None:
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
def test_log_probabilities_equal_those_of_a_whole_forward_pass(
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


def test_a_stop_token_in_a_prompt_does_not_end_the_row(decoder: Decoder) -> None:
    (answer,) = generate(decoder, [[1, 9, 9, 5]], 3, temperature=0.0, stop_tokens=frozenset({9}), echo=True)
    assert answer.tokens[:4] == [1, 9, 9, 5]


def test_the_seed_fixes_the_tokens(decoder: Decoder) -> None:
    runs = [generate(decoder, PROMPTS, 10, temperature=5.0, seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_cancelling_returns_the_tokens_so_far(decoder: Decoder) -> None:
    steps = iter([False, False, True])
    (answer,) = generate(decoder, [[1, 5]], 10, temperature=0.0, cancelled=lambda: next(steps))
    assert len(answer.tokens) == 2


def test_the_answer_ends_at_the_capacity(decoder: Decoder) -> None:
    (answer,) = generate(decoder, [[1] * (decoder.capacity - 3)], 10, temperature=0.0)
    assert len(answer.tokens) == 3
