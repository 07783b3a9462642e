"""Intervals beside published examples, and what they promise."""

from __future__ import annotations

import random

import pytest

from infill_server.commands.bench.quality.intervals import bootstrap, paired_difference, wilson


@pytest.mark.parametrize(
    ("hits", "count", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (29, 29, (0.8830, 1.0)),
        (0, 0, (0.0, 1.0)),
    ],
)
def test_the_interval_of_a_share_is_the_published_one(hits: int, count: int, expected: tuple[float, float]) -> None:
    assert wilson(hits, count) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("both", "gained", "lost", "neither", "expected"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 2635-2650, table II, method 10.
        (36, 12, 2, 0, (0.2, 0.0569, 0.3404)),
        (20, 12, 2, 16, (0.2, 0.0562, 0.3292)),
        (0, 0, 0, 54, (0.0, -0.0664, 0.0664)),
        (0, 54, 0, 0, (1.0, 0.9061, 1.0)),
        (0, 0, 0, 0, (0.0, -1.0, 1.0)),
    ],
)
def test_the_interval_of_a_paired_difference_is_the_published_one(
    both: int, gained: int, lost: int, neither: int, expected: tuple[float, float, float]
) -> None:
    pairs = [(True, True)] * both + [(False, True)] * gained + [(True, False)] * lost + [(False, False)] * neither
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert paired_difference(first, second) == pytest.approx(expected, abs=1e-3)
    difference, low, high = paired_difference(second, first)
    assert (-difference, -high, -low) == pytest.approx(expected, abs=1e-3)


def test_a_bootstrap_over_files_is_wider_where_the_files_differ() -> None:
    chance = random.Random(0)
    ratios = [(float(number < 200), 1.0) for number in range(400)]
    alike = [chance.randrange(20) for _ in ratios]
    apart = [number // 20 for number in range(400)]  # each file is all right or all wrong
    narrow, wide = bootstrap(ratios, alike), bootstrap(ratios, apart)
    assert narrow[0] < 0.5 < narrow[1]
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    assert bootstrap(ratios, alike) == narrow
    assert bootstrap([], []) == (0.0, 0.0)
    assert bootstrap([(0.0, 0.0)], ["empty.py"]) == (0.0, 0.0)


def test_the_holes_of_a_single_file_are_drawn_one_by_one() -> None:
    ratios = [(float(number < 30), 1.0) for number in range(100)]
    low, high = bootstrap(ratios, ["a.py"] * 100)
    assert 0.18 < low < 0.27  # the standard error is 4.6 points
    assert 0.33 < high < 0.42
    assert bootstrap(ratios, ["a.py"] * 100) == bootstrap(ratios, list(range(100)))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    chance, covered = random.Random(1), 0
    for _ in range(300):
        first = [chance.random() < 0.3 for _ in range(120)]
        second = [old or chance.random() < 0.1 for old in first]
        _, low, high = paired_difference(first, second)
        covered += low <= 0.07 <= high
    assert covered >= 0.92 * 300
