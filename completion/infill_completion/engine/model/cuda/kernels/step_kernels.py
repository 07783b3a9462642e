"""The forward pass of a step of one to eight tokens in kernels, over buffers that stay where they are."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.attention import SplitAttention
from infill_completion.engine.model.cuda.kernels.ends import embed, embed_tiles, last_norm
from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.products import (
    MAX_ROWS,
    TILE,
    Normed,
    Places,
    Products,
    RotaryTables,
    StepPlan,
)
from infill_completion.engine.model.cuda.kernels.rounding import round_rows
from infill_completion.engine.model.cuda.kernels.step_weights import StepWeights
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache


class _Buffers(NamedTuple):
    """What the kernels of a step pass on; rows that a step does not have keep old numbers.

    Attributes:
        stream: The residual stream, ``(8, hidden)``, float32.
        first: The stream on its way to the first norm.
        normed: The stream on its way to the other norms.
        queries: ``(8, heads, head_dim)``.
        mixed: The result of attention, of the same shape.
        gated: ``(8, intermediate)``.
        last: The last norm, ``(8, hidden)``.
    """

    stream: Tensor
    first: Normed
    normed: Normed
    queries: Tensor
    mixed: Tensor
    gated: Tensor
    last: Tensor


class StepKernels:
    """The kernels, weights and buffers that all steps of a model share; one step at a time.

    Args:
        decoder: The model.
        weights: Its weights, packed.
        launcher: Its device.
        processors: Number of streaming multiprocessors of the device.
        capacity: Most tokens of a cache.

    Attributes:
        decoder: As given.
        launcher: As given.
        scores: The logits of the last step, ``(8, rows of the head)``, 16 bits.
    """

    def __init__(
        self, decoder: Decoder, weights: StepWeights, launcher: Launcher, processors: int, capacity: int
    ) -> None:
        self.decoder, self.launcher, self._weights, self._capacity = decoder, launcher, weights, capacity
        self._products = Products(launcher, weights.codebooks, processors)
        self._attention = SplitAttention(
            launcher, heads=decoder.heads, kv_heads=decoder.kv_heads, head_dim=decoder.head_dim, rows=MAX_ROWS,
            bucket=capacity, device=decoder.device,
        )  # fmt: skip
        self._rotary = RotaryTables(decoder.cos, decoder.sin)
        self._buffers = self._make_buffers()
        self.scores = self._numbers(weights.head.shape[0])

    @property
    def plan(self) -> StepPlan:
        """How the products are computed; graphs captured before keep their own plan."""
        return self._products.plan

    @plan.setter
    def plan(self, plan: StepPlan) -> None:
        self._products.plan = plan

    def _make_buffers(self) -> _Buffers:
        decoder = self.decoder
        weighted, device = self._numbers(decoder.hidden), decoder.device

        def normed(parts: int) -> Normed:
            return Normed(weighted, torch.zeros(parts, MAX_ROWS, device=device), decoder.eps)

        return _Buffers(
            stream=torch.zeros(MAX_ROWS, decoder.hidden, device=device),
            first=normed(embed_tiles(decoder.hidden)),
            normed=normed(decoder.hidden // TILE),
            queries=self._numbers(decoder.heads, decoder.head_dim),
            mixed=self._numbers(decoder.heads, decoder.head_dim),
            gated=self._numbers(decoder.intermediate),
            last=self._numbers(decoder.hidden),
        )

    @cached_property
    def _fresh(self) -> tuple[Tensor, Tensor]:
        """Where a layer's keys and values are written before they are rounded, at the same places as in the cache."""
        decoder = self.decoder
        shape = decoder.kv_shape._replace(devices=(decoder.device,), dtype=decoder.dtype)
        (keys,), (values,) = (cache := KVCache(shape, self._capacity)).keys, cache.values
        return keys.numbers, values.numbers

    def _numbers(self, *size: int) -> Tensor:
        return torch.zeros(MAX_ROWS, *size, dtype=self.decoder.dtype, device=self.decoder.device)

    def run(self, ids: Tensor, places: Places, cache: KVCache, bucket: int) -> Tensor:
        """Run ``(1, rows)`` tokens, at most 8, on the first ``bucket`` tokens of a cache; return :attr:`scores`.

        The logits of rows that the step does not have mean nothing.
        """
        decoder, buffers, rows = self.decoder, self._buffers, ids.shape[1]
        products, stream, normed = self._products, buffers.stream, buffers.first
        queries, mixed = buffers.queries[:rows], buffers.mixed[:rows]
        embed(
            self.launcher,
            ids[0],
            decoder.embed,
            decoder.layers[0].input_norm.weight,
            stream,
            normed.weighted,
            normed.squares,
        )
        for index, layer in enumerate(self._weights.layers):
            keys, values = cache.keys[index], cache.values[index]
            written = (keys.numbers, values.numbers) if keys.scale is None else self._fresh
            products.attention(
                layer.queries, layer.keys, layer.values, layer.bias, normed, self._rotary, places, queries, written,
                rows,
            )  # fmt: skip
            normed, scales = buffers.normed, None
            if keys.scale is not None and values.scale is not None:
                round_rows(self.launcher, self._fresh, places.at, rows, keys, values)
                scales = keys.scale[0], values.scale[0]
            self._attention(queries, keys.numbers[0], values.numbers[0], *places, bucket, mixed, scales)
            products.residual(layer.out, mixed, layer.post_norm, stream, normed, rows)
            products.gate(layer.gate, layer.up, normed, buffers.gated, rows)
            products.residual(layer.down, buffers.gated, layer.next_norm, stream, normed, rows)
        last_norm(self.launcher, rows, stream, normed.squares, decoder.norm.weight, decoder.eps, buffers.last)
        # Always eight rows: cuBLAS adds up one row in another order than several.
        torch.mm(buffers.last, self._weights.head.t(), out=self.scores)
        return self.scores
