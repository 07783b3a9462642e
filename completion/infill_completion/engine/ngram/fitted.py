"""Weights of the n-gram cache that were fitted for known models without an ``infill.json`` of their own."""

from __future__ import annotations

from infill_completion.catalog.small import SMALL_ID
from infill_completion.engine.ngram.mixture import MixtureParameters

# On holes in eleven public projects, Python, JavaScript, TypeScript and Go, by the likelihood of the true text; none of
# them is among the projects of `benchmarks.unseen`.  It has no token that ends a gap, so `end_tokens` has no use.
FITTED = {
    SMALL_ID: MixtureParameters(
        bias=-4.449, order_gain=0.55, count_gain=0.014, purity_gain=2.283, half_life_tokens=1000.0, end_tokens=0
    )
}
