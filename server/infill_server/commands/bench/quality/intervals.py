"""95 % confidence intervals of shares and of differences between two runs over the same holes."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

Z = 1.96
RESAMPLES = 1_000
# A numerator and a denominator for each hole: a share is the sum of the first over that of the second.
Ratio = tuple[float, float]


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927); 0 to 1 if nothing was counted."""
    if not count:
        return 0.0, 1.0
    share = hits / count
    middle = share + Z * Z / (2 * count)
    reach = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    whole = 1 + Z * Z / count
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> tuple[float, float, float]:
    """Return by how much the proportion of ``second`` is larger, and the interval of that, over the same holes.

    Newcombe's method 10 (Statistics in Medicine 17, 1998, 2635-2650): Wilson's intervals of both proportions, combined
    with their correlation.
    """
    count = len(first)
    if not count:
        return 0.0, -1.0, 1.0
    pairs = list(zip(second, first, strict=True))
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    gained, lost = pairs.count((True, False)), pairs.count((False, True))
    ours, theirs = (both + gained) / count, (both + lost) / count
    low, high = wilson(both + gained, count)
    other_low, other_high = wilson(both + lost, count)
    phi = _correlation(both, gained, lost, neither)
    below = _distance(ours - low, other_high - theirs, phi)
    above = _distance(high - ours, theirs - other_low, phi)
    return ours - theirs, ours - theirs - below, ours - theirs + above


def _correlation(both: int, gained: int, lost: int, neither: int) -> float:
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    if not margins:
        return 0.0
    product = float(both * neither - gained * lost)
    if product > 0:
        product = max(
            0.0, product - (both + gained + lost + neither) / 2
        )  # the correction for continuity that the method includes
    return product / math.sqrt(margins)


def _distance(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def bootstrap(ratios: Sequence[Ratio], groups: Sequence[Hashable], *, seed: int = 0) -> tuple[float, float]:
    """Return the interval of a share by resampling whole groups (percentiles of the bootstrap, Efron 1979).

    Holes of one file resemble each other, so files are the groups.  A single group is always drawn again as a whole,
    which would say that the share is certain, so there its members are drawn.  For a paired difference the numerators
    are differences.
    """
    sums: dict[Hashable, list[float]] = defaultdict(lambda: [0.0, 0.0])
    members = groups if len(set(groups)) != 1 else range(len(groups))
    for (part, whole), group in zip(ratios, members, strict=True):
        sums[group][0] += part
        sums[group][1] += whole
    each, chance = list(sums.values()), random.Random(seed)
    shares = []
    for _ in range(RESAMPLES if each else 0):
        drawn = chance.choices(each, k=len(each))
        whole = sum(group[1] for group in drawn)
        shares.append(sum(group[0] for group in drawn) / whole if whole else 0.0)
    shares.sort()
    return (shares[round(0.025 * RESAMPLES)], shares[round(0.975 * RESAMPLES) - 1]) if shares else (0.0, 0.0)
