"""Candidates at a low temperature are distinct; from 0.2 on they are independent draws, as in OpenAI's API."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from infill_completion.api import CompletionRequest
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.ngram.mixture import MixtureParameters
from tests.engine.tiny import never

ASK = CompletionRequest(prefix="x = 1\n", suffix="\n", max_tokens=6, temperature=0.0, n=3, seed=4)


@pytest.fixture
def plain(tiny: Generator) -> Generator:
    return tiny.with_settings(heal=False)


@pytest.fixture
def scripted(plain: Generator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A decoder that gives every row the same probabilities: those listed, for the tokens from 100 on."""

    def script(*probabilities: float) -> Generator:
        def forward(
            self: Decoder, ids: torch.Tensor, *_args: Any, all_logits: bool = False, **_more: Any
        ) -> torch.Tensor:
            logits = torch.full((ids.shape[0], self.vocab_size), -30.0)
            logits[:, 100 : 100 + len(probabilities)] = torch.tensor(probabilities).log()
            return logits[:, None].expand(-1, ids.shape[1], -1) if all_logits else logits

        monkeypatch.setattr(Decoder, "forward", forward)
        return plain

    return script


def token_texts(generator: Generator, request: CompletionRequest) -> list[list[str]]:
    """Return the texts of each candidate's chunks, one token each."""
    chunks = list(generator.stream(request, never))
    return [[c.text for c in chunks if c.index == index] for index in range(request.n)]


def texts_of(generator: Generator, *ids: int) -> list[str]:
    return [generator.model.tokenizer.decode([id_]) for id_ in ids]


def test_candidates_take_the_likeliest_first_tokens_in_order(scripted: Any) -> None:
    generator = scripted(0.6, 0.3, 0.1)
    firsts = [texts[0] for texts in token_texts(generator, ASK)]
    assert firsts == texts_of(generator, 100, 101, 102)


def test_the_first_candidate_equals_a_single_candidate(plain: Generator) -> None:
    (alone,) = token_texts(plain.with_settings(), replace(ASK, n=1))
    several = token_texts(plain.with_settings(), ASK)
    assert "".join(several[0]) == "".join(alone)


def test_a_token_below_five_percent_is_not_an_alternative(scripted: Any) -> None:
    generator = scripted(0.93, 0.06, 0.01)
    first, second, third = token_texts(generator, ASK)
    assert (first[0], second[0]) == tuple(texts_of(generator, 100, 101))
    # No other token is likely enough, so the third follows the first until one is.
    assert third[0] == first[0]
    assert third[1] == texts_of(generator, 101)[0]
    lonely = scripted(0.97, 0.03)
    assert token_texts(lonely, ASK)[1] == token_texts(lonely, ASK)[0]


def test_after_the_fork_every_candidate_is_greedy_again(scripted: Any) -> None:
    generator = scripted(0.6, 0.4)
    _, second, _ = token_texts(generator, replace(ASK, n=3))
    (likeliest,) = texts_of(generator, 100)
    assert second[1:5] == [likeliest] * 4


@pytest.mark.parametrize("temperature", [0.0, 0.1, 0.19])
def test_the_same_seed_gives_the_same_candidates(tiny: Generator, temperature: float) -> None:
    request = replace(ASK, temperature=temperature, prefix="def f(value):\n    return val")
    assert token_texts(tiny.with_settings(), request) == token_texts(tiny.with_settings(), request)


@pytest.mark.parametrize("cache", [None, MixtureParameters()], ids=["model alone", "with cache"])
def test_candidates_of_a_real_model_differ(exact: Generator, cache: MixtureParameters | None) -> None:
    generator = exact.with_settings(cache=cache)
    request = replace(ASK, prefix="import os\n\n\ndef main():\n    ", temperature=0.1, max_tokens=8)
    assert len({tuple(texts) for texts in token_texts(generator, request)}) == 3


def test_from_a_temperature_of_0_2_on_candidates_are_draws(scripted: Any) -> None:
    generator = scripted(0.9, 0.1)
    firsts = [texts[0] for texts in token_texts(generator, replace(ASK, n=16, temperature=0.2, top_p=1.0))]
    # At this temperature the second token is drawn once in 59,049 draws.
    assert set(firsts) == set(texts_of(generator, 100))


def test_the_probability_of_an_alternative_is_the_models_own(scripted: Any) -> None:
    generator = scripted(0.75, 0.25)
    chunks = [c for c in generator.stream(replace(ASK, n=2, max_tokens=1), never) if c.token_count]
    assert [chunk.logprob_sum for chunk in chunks] == pytest.approx([math.log(0.75), math.log(0.25)], abs=1e-4)
