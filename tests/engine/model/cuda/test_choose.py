"""The sampling kernel, run on the CPU, against NumPy and against the static step's operators."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from infill_completion.engine.model.cuda.choice import choose_static
from infill_completion.engine.model.cuda.kernels.choose import MAX_VOCABULARY, Chooser
from tests.engine.model.cuda import choosing
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

CPU = torch.device("cpu")
SETTINGS = [(0.0, 0.9), (0.2, 0.95), (0.8, 0.9), (1.0, 1.0), (1.0, 0.5), (1.5, 0.99), (100.0, 0.7)]


@pytest.fixture
def floats(kernel_build_folder: Path) -> EmulatedKernels:
    """The kernels for logits in float32, for which the type of numbers does not matter."""
    return EmulatedKernels(kernel_build_folder)


def logits_of(rows: int, vocabulary: int, dtype: torch.dtype, spread: float = 3.0, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return (torch.randn(rows, vocabulary, generator=random) * spread).to(dtype)


def choose(
    kernels: EmulatedKernels, logits: Tensor, temperature: float, top_p: float, seed: int = 1, index: int = 7
) -> Tensor:
    """Return the result of the kernel, ``(rows, 2)``."""
    chooser = Chooser(kernels, logits.shape[1], CPU)
    chooser.prepare(temperature, top_p, seed)
    result = torch.full((logits.shape[0], 2), -1.0, dtype=torch.float64)
    chooser.run(logits, torch.tensor([index]), result)
    return result


def expected(logits: Tensor, temperature: float, top_p: float, seed: int = 1, index: int = 7) -> list[int]:
    rows = logits.float().numpy()
    return [choosing.chosen(row, temperature, top_p, seed, index + place) for place, row in enumerate(rows)]


def test_random_words_are_those_that_philox_publishes() -> None:
    """Source: ``kat_vectors`` of Random123, the authors' library."""
    published = [
        ([0] * 4, (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ]
    for counter, key, words in published:
        assert choosing.philox([counter], key)[0].tolist() == words


@pytest.mark.parametrize("vocabulary", [1, 5, 999, 16384, 32016, 49152])
def test_tokens_are_those_of_the_reference(emulated: EmulatedKernels, number: torch.dtype, vocabulary: int) -> None:
    logits = logits_of(2, vocabulary, number)
    for temperature, top_p in SETTINGS:
        result = choose(emulated, logits, temperature, top_p)
        assert result[:, 0].tolist() == expected(logits, temperature, top_p), (temperature, top_p)
        logprobs = logits.double().log_softmax(-1).gather(-1, result[:, :1].long())
        torch.testing.assert_close(result[:, 1:], logprobs, rtol=1e-5, atol=1e-5)


def test_the_largest_vocabularies_and_float32(floats: EmulatedKernels) -> None:
    for vocabulary in (151936, MAX_VOCABULARY):
        logits = logits_of(1, vocabulary, torch.float32)
        for temperature, top_p in ((0.0, 1.0), (0.3, 0.9), (1.0, 0.95), (1.0, 1.0)):
            result = choose(floats, logits, temperature, top_p)
            assert result[:, 0].tolist() == expected(logits, temperature, top_p), (vocabulary, temperature, top_p)


@pytest.mark.parametrize("spread", [0.5, 3.0, 30.0])
def test_with_the_same_noise_the_operators_of_the_static_step_choose_the_same(
    floats: EmulatedKernels, spread: float
) -> None:
    logits = logits_of(16, 500, torch.float32, spread)
    for temperature, top_p in ((0.6, 0.9), (1.0, 0.3), (2.0, 0.999)):
        noise = torch.stack([torch.from_numpy(choosing.noise(500, 3, 20 + row)) for row in range(16)])
        order = (logits / temperature).softmax(-1).sort(dim=-1, descending=True, stable=True).indices
        settings = torch.tensor([temperature, top_p, 0.0])
        # The operators race in the order of probability.
        other = choose_static(logits, settings[0], settings[1], settings[2].bool(), noise.gather(-1, order))
        mine = choose(floats, logits, temperature, top_p, seed=3, index=20)
        assert mine[:, 0].tolist() == other.tolist()


def test_tokens_are_drawn_with_their_probabilities(floats: EmulatedKernels) -> None:
    """A chi-square test: 9 degrees of freedom exceed 27.9 once in a thousand times; the seed is fixed."""
    row = torch.tensor([2.0, 1.5, 1.5, 1.0, 0.5, 0.0, -0.5, -1.0, -1.0, -2.0, -9.0])
    draws = 6_000
    weight = choosing.weights(row.numpy(), 1.0)
    kept = choosing.nucleus(weight, 0.995)
    assert kept.tolist() == [True] * 10 + [False]
    noise = np.stack([choosing.noise(11, 12, place) for place in range(draws)])
    tokens = np.where(kept, weight / noise, 0).argmax(-1)
    counts, share = np.bincount(tokens, minlength=11)[:10], weight[:10] / weight[:10].sum()
    assert ((counts - draws * share) ** 2 / (draws * share)).sum() < 27.9
    result = choose(floats, row.repeat(60, 1), 1.0, 0.995, seed=12, index=0)
    assert result[:, 0].tolist() == tokens[:60].tolist()


def test_seeds_and_places_draw_independently() -> None:
    """Correlations of 32,000 samples have a standard deviation of 0.0056."""
    one = choosing.noise(32_000, 5, 100)
    for seed, place in ((5, 101), (6, 100), (5 + 2**32, 100), (-5, 100), (5, 100 + 2**32)):
        assert abs(np.corrcoef(one, choosing.noise(32_000, seed, place))[0, 1]) < 0.025
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.025


def test_ties_at_the_border_go_to_the_lowest_ids(emulated: EmulatedKernels, number: torch.dtype) -> None:
    """One of 4, seven of 1, the rest of 0.01: with top-p 0.6 the nucleus ends among the seven."""
    ties = [3000, 17, 2999, 40, 1023, 1024, 8]
    row = torch.full((3001,), -1000.0)
    row[:64] = -4.6
    row[5] = 1.3863
    row[ties] = 0.0
    logits = row.to(number).repeat(60, 1)
    result = choose(emulated, logits, 1.0, 0.6)
    assert result[:, 0].tolist() == expected(logits, 1.0, 0.6)
    assert set(result[:, 0].tolist()) == {5, *sorted(ties)[:3]}


@pytest.mark.parametrize("vocabulary", [3000, 9000])  # listed in shared memory, and too many for it
def test_equal_logits_keep_a_share_of_the_ids(floats: EmulatedKernels, vocabulary: int) -> None:
    logits = torch.zeros(12, vocabulary)
    for top_p in (0.0, 0.001, 0.5, 1.0):
        result = choose(floats, logits, 1.0, top_p)
        assert result[:, 0].tolist() == expected(logits, 1.0, top_p)
        assert result[:, 0].max() <= top_p * vocabulary


def test_extreme_settings_are_those_of_the_reference(floats: EmulatedKernels) -> None:
    logits = logits_of(2, 5000, torch.float32)
    for temperature in (1e-4, 1e-3, 1e6, 1e38):
        for top_p in (0.0, 1e-9, 1 - 2**-24, 1.0):
            result = choose(floats, logits, temperature, top_p)
            assert result[:, 0].tolist() == expected(logits, temperature, top_p), (temperature, top_p)
    assert torch.equal(choose(floats, logits, 1.0, 0.0)[:, 0], logits.argmax(-1).double())
    assert torch.equal(choose(floats, logits, 1.0, nan)[:, 0], logits.argmax(-1).double())
    assert torch.equal(choose(floats, logits, 0.9e-4, 0.9)[:, 0], logits.argmax(-1).double())


@pytest.mark.parametrize(
    ("row", "likeliest"),
    [
        ([0.0, inf, 1.0, inf], {1, 3}),
        ([-inf, -inf, -inf, -inf], {0, 1, 2, 3}),
        ([nan, -inf, nan, -inf], {1, 3}),
        ([nan, nan, nan, nan], {0}),
        ([nan, 1.0, -inf, nan], {1}),
        ([3e38, -3e38, 3e38, nan], {0, 2}),
        ([-0.0, 0.0, -inf, -0.0], {0, 1, 3}),
    ],
)
def test_strange_logits_give_a_likeliest_token(floats: EmulatedKernels, row: list[float], likeliest: set[int]) -> None:
    logits = torch.tensor(row).repeat(24, 1)
    assert set(choose(floats, logits, 1.0, 1.0)[:, 0].tolist()) == likeliest
    assert set(choose(floats, logits, 0.5, 0.9)[:, 0].tolist()) == likeliest
    greedy = choose(floats, logits, 0.0, 1.0)
    assert set(greedy[:, 0].tolist()) == {min(likeliest)}
    assert bool(greedy[:, 1].isnan().any()) == all(np.isnan(row))


def test_nan_has_no_probability_and_zeros_are_equal(floats: EmulatedKernels) -> None:
    """The zeros belong to different threads."""
    row = torch.tensor([nan, 1.0, -inf, 0.0, nan])
    assert choose(floats, row[None], 0.0, 1.0)[0].tolist() == pytest.approx([1, -np.log(1 + np.exp(-1))])
    zeros = torch.full((40,), -1.0)
    zeros[10], zeros[30] = -0.0, 0.0
    assert choose(floats, zeros[None], 0.0, 1.0)[0, 0] == 10


def test_a_row_is_the_same_alone_and_among_others(emulated: EmulatedKernels, number: torch.dtype) -> None:
    logits = logits_of(5, 2000, number)
    together = choose(emulated, logits, 1.0, 0.9, index=50)
    for row in range(5):
        assert torch.equal(choose(emulated, logits[row : row + 1], 1.0, 0.9, index=50 + row)[0], together[row])
    emulated.seed = 9  # another order of threads
    assert torch.equal(choose(emulated, logits, 1.0, 0.9, index=50), together)


def test_candidates_draw_as_single_ones_do(floats: EmulatedKernels) -> None:
    """Three candidates after 20 shared tokens; the rows are the fourth tokens of two, and the first's fifth."""
    logits = logits_of(3, 900, torch.float32)
    chooser = Chooser(floats, 900, CPU)
    chooser.prepare(1.0, 0.95, -4)
    result = torch.zeros(3, 2, dtype=torch.float64)
    chooser.run(logits, torch.tensor([20 + 3 * 3 + 1]), result, fork=(torch.tensor([20]), torch.tensor([3])))
    for row, (candidate, position) in enumerate([(1, 23), (2, 23), (0, 24)]):
        alone = choose(floats, logits[row : row + 1], 1.0, 0.95, seed=-4 + candidate, index=position)
        assert torch.equal(alone[0], result[row])


def test_a_single_step_feeds_the_next_one(floats: EmulatedKernels) -> None:
    logits = logits_of(1, 700, torch.float32)
    chooser = Chooser(floats, 700, CPU)
    ids, index, result = torch.zeros(1, 1, dtype=torch.long), torch.tensor([30]), torch.zeros(1, 2, dtype=torch.float64)
    chooser.prepare(1.0, 0.9, 2**63 + 5)
    chosen = []
    for _ in range(3):
        chooser.run(logits, index, result, ids=ids)
        assert ids.item() == result[0, 0].item()
        chosen.append(ids.item())
    assert index.item() == 33
    assert chosen == [expected(logits, 1.0, 0.9, 2**63 + 5, place)[0] for place in (30, 31, 32)]


@pytest.mark.parametrize("vocabulary", [699, 700, 704])
def test_logits_are_written_as_float32_on_request(
    emulated: EmulatedKernels, number: torch.dtype, vocabulary: int
) -> None:
    padded = logits_of(3, 704, number)
    for logits in (padded[:, :vocabulary], padded[:, :vocabulary].contiguous()):
        chooser = Chooser(emulated, vocabulary, CPU)
        chooser.prepare(0.0, 1.0, 0)
        scores, result = torch.zeros(3, vocabulary), torch.zeros(3, 2, dtype=torch.float64)
        chooser.run(logits, torch.tensor([0]), result, scores=scores)
        assert torch.equal(scores, logits.float())
        assert torch.equal(result[:, 0], logits.float().argmax(-1).double())


def test_vocabularies_that_are_too_large_are_refused(floats: EmulatedKernels) -> None:
    with pytest.raises(ValueError, match="262,144 tokens, not 262,145"):
        Chooser(floats, MAX_VOCABULARY + 1, CPU)
