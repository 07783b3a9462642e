"""Sampling in C: the distribution of the reference, and the tokens of torch."""

from __future__ import annotations

import ctypes

import pytest
import torch

from infill_completion.engine.decoding.sampler import choose_one
from infill_completion.engine.model.native.sampler import NativeSampler
from infill_completion.engine.ngram import mixture
from infill_completion.engine.ngram.index import MatchLevel
from infill_completion.engine.ngram.mixture import MixtureParameters
from tests.engine.decoding.test_sampler import check_one_row
from tests.engine.model.native.int8_models import needs_compiler

pytestmark = needs_compiler


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("size", [12, 45, 64])
def test_a_token_is_chosen_as_the_reference_says(library: ctypes.CDLL, size: int, temperature: float, p: float) -> None:
    sampler = NativeSampler(library)

    def choose(logits: torch.Tensor, temperature: float, p: float, chance: float) -> tuple[int, float]:
        chosen = sampler.choose(logits, temperature, p, chance)
        assert chosen is not None
        return chosen

    check_one_row(choose, size=size, temperature=temperature, p=p)


@pytest.mark.parametrize("p", [0.3, 0.95, 1.0])
def test_the_same_chance_gives_the_same_token_with_and_without_a_compiler(library: ctypes.CDLL, p: float) -> None:
    sampler = NativeSampler(library)
    logits = torch.randn(40, generator=torch.Generator().manual_seed(3)).mul(3)
    for at in range(200):
        compiled = sampler.choose(logits, 0.8, p, (at + 0.5) / 200)
        assert compiled is not None
        assert compiled[0] == choose_one(logits, 0.8, p, (at + 0.5) / 200)[0]


def test_a_large_nucleus_is_left_to_torch(library: ctypes.CDLL) -> None:
    sampler = NativeSampler(library)
    assert sampler.choose(torch.zeros(1000), 1.0, 0.9, 0.5) is None
    assert sampler.choose(torch.zeros(1000), 1.0, 0.01, 0.99) is not None


def test_tokens_that_are_forbidden_are_never_chosen(library: ctypes.CDLL) -> None:
    sampler = NativeSampler(library)
    logits = torch.full((40,), float("-inf"))
    logits[[7, 21]] = torch.tensor([1.0, 1.0])
    for p in (0.9, 1.0):
        assert {(sampler.choose(logits, 1.0, p, at / 100) or (-1, 0))[0] for at in range(100)} == {7, 21}
    assert (sampler.choose(logits, 0.0, 0.9, 0.5) or (-1, 0))[0] == 7


@pytest.mark.parametrize("allowed", [None, [3, 17, 40]])
def test_an_index_is_mixed_in_as_torch_does_it(library: ctypes.CDLL, allowed: list[int] | None) -> None:
    sampler = NativeSampler(library)
    logits = torch.randn(200, generator=torch.Generator().manual_seed(1)).mul(8)
    levels = [MatchLevel(3, 2, {17: 0.75, 5: 0.25}), MatchLevel(1, 9, {17: 0.5, 40: 0.5})]
    for parameters in (
        MixtureParameters(),
        MixtureParameters(bias=100.0),
    ):  # the second leaves next to nothing to the model
        expected = mixture.mix(logits, *mixture.blend(levels, parameters))
        got = sampler.mix(
            logits, *mixture.blend(levels, parameters), None if allowed is None else torch.tensor(allowed)
        )
        kept = slice(None) if allowed is None else allowed
        assert torch.allclose(got[kept], expected[kept], atol=1e-4)
        assert int(got.isfinite().sum()) == (200 if allowed is None else 3)
    beyond = {17: 0.5, 200: 0.5, 1 << 40: 0.1}  # a tokenizer may know more tokens than the model
    known = sampler.mix(logits, 0.5, {17: 0.5}, None)
    assert torch.equal(
        sampler.mix(logits, 0.5, beyond, torch.tensor([3, 200])).isfinite().nonzero(), torch.tensor([[3]])
    )
    assert torch.equal(sampler.mix(logits, 0.5, beyond, None), known)
    alone = sampler.mix(logits, 1.0, {}, None)
    assert torch.allclose(alone, logits.log_softmax(-1), atol=1e-4)
