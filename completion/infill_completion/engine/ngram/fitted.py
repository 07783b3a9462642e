"""Weights of the n-gram cache that were fitted for models without an ``infill.json`` of their own, by their shape.

A shape has no name that could differ between a file, a folder and the catalog.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.catalog import ModelShape
from infill_completion.engine.ngram.mixture import MixtureParameters


@dataclass(frozen=True)
class Fitted:
    """The weights of one shape: those of the prompt's index, and those of the workspace's below it."""

    prompt: MixtureParameters | None = None
    workspace: MixtureParameters | None = None


# On holes in eleven public projects, Python, JavaScript, TypeScript and Go, by the likelihood of the true text; none of
# them is among the projects of `benchmarks.unseen`.  It has no token that ends a gap, so `end_tokens` has no use.
_SMOLLM2_135M = ModelShape(30, 576, 1536, 9, 3, 64, 49_152, tied=True)
FITTED: dict[ModelShape | None, Fitted] = {
    _SMOLLM2_135M: Fitted(
        prompt=MixtureParameters(
            bias=-4.449, order_gain=0.55, count_gain=0.014, purity_gain=2.283, half_life_tokens=1000.0, end_tokens=0
        ),
        # On holes in 24 such projects, also Rust, Java, C and C++.
        workspace=MixtureParameters(
            bias=-8.658, order_gain=1.586, count_gain=0.377, purity_gain=5.139, half_life_tokens=0.0, end_tokens=0
        ),
    )
}
