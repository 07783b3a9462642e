"""The shapes of the products of a model."""

from __future__ import annotations

from infill_completion.catalog import ModelShape


def linear_shapes(shape: ModelShape) -> list[tuple[int, int]]:
    """Return the outputs and inputs of the linear layers, with q/k/v and gate/up also as one."""
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    pairs = [
        (queries, shape.hidden), (keys, shape.hidden), (shape.intermediate, shape.hidden),
        (shape.hidden, shape.intermediate), (queries + 2 * keys, shape.hidden), (2 * shape.intermediate, shape.hidden),
    ]  # fmt: skip
    return list(dict.fromkeys(pairs))
