from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from infill_completion.engine.decoding.sampler import choose, choose_one, sample_top_p

DRAWS = 20_000


def reference_top_p(probabilities: np.ndarray, p: float) -> np.ndarray:
    """The nucleus by its definition, in plain numpy: tokens before which the mass is at most ``p``."""
    kept = np.zeros_like(probabilities)
    before = 0.0
    for id_ in np.argsort(-probabilities, kind="stable"):
        if before > p:
            break
        kept[id_] = probabilities[id_]
        before += probabilities[id_]
    return np.asarray(kept / kept.sum())


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    seen = expected > 0
    assert counts[~seen].sum() == 0, "a token outside the nucleus was drawn"
    return float(((counts[seen] - DRAWS * expected[seen]) ** 2 / (DRAWS * expected[seen])).sum())


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("size", [12, 200])
def test_draws_follow_the_reference_distribution(p: float, size: int) -> None:
    probabilities = torch.randn(size, generator=torch.Generator().manual_seed(size)).mul(1.5).softmax(-1)
    generator = torch.Generator().manual_seed(7)
    draws = sample_top_p(probabilities.expand(DRAWS, -1), p, generator)
    expected = reference_top_p(probabilities.double().numpy(), p)
    counts = np.bincount(draws.numpy(), minlength=size)
    freedom = int((expected > 0).sum()) - 1
    # Mean k, variance 2k: within six standard deviations, neither a wrong nucleus passes nor bad luck fails.
    assert chi_square(counts, expected) <= freedom + 6 * np.sqrt(2 * max(freedom, 1))


def test_the_test_would_notice_a_nucleus_one_token_short() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    draws = sample_top_p(probabilities.expand(DRAWS, -1), 0.4, torch.Generator().manual_seed(0))
    assert set(draws.tolist()) == {0}
    assert chi_square(np.bincount(draws.numpy(), minlength=3), np.array([0.6, 0.4, 0.0])) > 1000


def test_the_token_that_reaches_the_mass_stays() -> None:
    # The mass before the second token is 0.5 <= 0.5, so it stays; before the third it is 0.75 > 0.5.
    probabilities = torch.tensor([0.5, 0.25, 0.25 - 1e-3, 1e-3])
    draws = sample_top_p(probabilities.expand(DRAWS, -1), 0.5, torch.Generator().manual_seed(0))
    assert set(draws.tolist()) == {0, 1}


def test_temperature_zero_takes_the_likeliest() -> None:
    ids, logprobs = choose(torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]), 0.0, 0.9)
    assert ids.tolist() == [1, 0]
    assert logprobs.tolist() == pytest.approx(
        torch.tensor([[0.0, 2, 1], [3, 0, 0]]).log_softmax(-1).amax(-1).tolist(), abs=1e-6
    )


def test_log_probabilities_are_those_before_temperature_and_top_p() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0]])
    ids, logprobs = choose(logits, 0.1, 0.5, torch.Generator().manual_seed(0))
    assert logprobs[0].item() == pytest.approx(logits.log_softmax(-1)[0, ids[0]].item())


def test_temperature_sharpens() -> None:
    logits = torch.tensor([1.0, 0.0]).expand(DRAWS, -1)
    shares = [
        choose(logits, t, 1.0, torch.Generator().manual_seed(0))[0].float().mean().item() for t in (0.5, 1.0, 2.0)
    ]
    expected = [torch.tensor([1.0, 0.0]).div(t).softmax(-1)[1].item() for t in (0.5, 1.0, 2.0)]
    assert shares == pytest.approx(expected, abs=0.015)


def test_the_same_seed_draws_the_same_tokens() -> None:
    logits = torch.randn(50, 100, generator=torch.Generator().manual_seed(0))
    draws = [choose(logits, 1.0, 0.9, torch.Generator().manual_seed(seed))[0].tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_a_tiny_temperature_counts_as_zero() -> None:
    assert choose(torch.tensor([[0.0, 50.0, 49.0]]), 1e-45, 0.9)[0].tolist() == [1]


Chooser = Callable[[torch.Tensor, float, float, float], tuple[int, float]]


def check_one_row(chooser: Chooser, *, size: int, temperature: float, p: float) -> None:
    """Check a chooser of one token: evenly spread chances must hit each token in proportion to its share."""
    logits = torch.randn(size, generator=torch.Generator().manual_seed(size)).mul(3)
    expected = reference_top_p(logits.double().div(temperature).softmax(-1).numpy(), p)
    tries = 4000
    chosen = [chooser(logits, temperature, p, (at + 0.5) / tries) for at in range(tries)]
    counts = np.bincount([id_ for id_, _ in chosen], minlength=size)
    assert np.abs(counts - tries * expected).max() <= 2
    likely = logits.double().log_softmax(-1)
    assert all(abs(logprob - float(likely[id_])) < 1e-4 for id_, logprob in chosen)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("size", [12, 100])
def test_one_row_follows_the_reference_distribution(size: int, temperature: float, p: float) -> None:
    check_one_row(choose_one, size=size, temperature=temperature, p=p)


def test_at_temperature_zero_the_first_of_equal_tokens_is_taken() -> None:
    assert choose_one(torch.tensor([0.0, 2.0, 2.0]), 0.0, 0.9, 0.99)[0] == 1
