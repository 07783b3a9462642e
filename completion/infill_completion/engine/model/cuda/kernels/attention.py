"""Attention of a few tokens over the KV cache, split over keys."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher

HEAD_DIMS = (64, 128)
INT8_HEAD_DIMS = (128,)  # where keys and values are 8-bit integers
_KEYS, _TILE = 32, 16  # as in attention.cu


class Plan(NamedTuple):
    """How attention is divided; the order of its sums depends on it.

    Attributes:
        warps: Warps of a block.
        steps: How many times each of them takes 32 keys.
    """

    warps: int
    steps: int

    @property
    def chunk(self) -> int:
        """Number of keys of a block."""
        return _KEYS * self.warps * self.steps


SMALL = Plan(4, 1)
PLANS = (SMALL, Plan(4, 2), Plan(8, 1), Plan(8, 2))  # that there are for heads of 128 numbers


def plan_for(kv_heads: int) -> Plan:
    """Return the plan for a model, which must not depend on anything else.

    Many heads fill the device with larger chunks too, and then fewer parts are left to be merged.
    """
    return Plan(4, 2) if kv_heads >= 16 else SMALL


class SplitAttention:
    """Attention of up to ``rows`` consecutive tokens of a cache, which several candidates may share.

    A row's result has the same bits whatever the other rows are, however many there are, and however large the bucket
    is.  The scratch memory is the object's own, so its calls must follow each other on one stream.

    Args:
        launcher: What runs the kernel.
        heads: Number of query heads, a multiple of ``kv_heads``.
        kv_heads: Number of key-value heads.
        head_dim: One of :data:`HEAD_DIMS`.
        rows: Most rows of a call; at most 8.
        bucket: Most keys of a call.
        device: Where the tensors are.
        plan: One of :data:`PLANS`; None: that for the model.
    """

    def __init__(
        self,
        launcher: Launcher,
        *,
        heads: int,
        kv_heads: int,
        head_dim: int,
        rows: int,
        bucket: int,
        device: torch.device,
        plan: Plan | None = None,
    ) -> None:
        self._plan = plan or plan_for(kv_heads)
        self._launcher, self._kv_heads, self._head_dim, self._group = launcher, kv_heads, head_dim, heads // kv_heads
        parts = heads * rows * math.ceil(bucket / SMALL.chunk)
        self._sums = torch.empty(parts * head_dim, dtype=torch.float32, device=device)
        self._stats = torch.empty(parts * 2, dtype=torch.float32, device=device)
        # The kernel leaves zeros behind.
        self._counters = torch.zeros(kv_heads * self._tiles(rows), dtype=torch.int32, device=device)

    def __call__(
        self,
        q: Tensor,
        keys: Tensor,
        values: Tensor,
        at: Tensor,
        shared: Tensor,
        ways: Tensor,
        bucket: int,
        out: Tensor,
        scales: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Attend to the first ``bucket`` keys of a layer, as far as each row sees them.

        Args:
            q: Rotated queries, ``(rows, heads, head_dim)``, contiguous, bfloat16 or float16 as the kernel is compiled.
            keys: ``(kv_heads, capacity, head_dim)``, contiguous and finite, those of the rows included; of the type of
                ``q``, or int8 if there are ``scales``.
            values: Likewise.
            at: Cache index of the first row, int64, one element; the others follow it.
            shared: See :class:`infill_completion.engine.model.fork.Fork`; int64, one element.
            ways: Likewise.
            bucket: Number of keys to consider; at most ``capacity``, and at least the index after the last row.
            out: Where the result is written, like ``q``.
            scales: Of keys and of values, each ``(kv_heads, capacity)``, float32; see
                :class:`infill_completion.engine.model.kv_cache.KVRows`.  None: the cache has none.
        """
        rows, count = q.shape[0], q.shape[0] * self._group
        warps, steps = plan = self._plan if scales is None and self._head_dim == max(HEAD_DIMS) else SMALL
        grid = (self._kv_heads, math.ceil(bucket / plan.chunk), self._tiles(rows))
        shared_bytes = 2 * _TILE * self._head_dim + 4 * (warps * min(count, _TILE) * (self._head_dim + 2) + 1)
        key_scales, value_scales = scales or (self._stats, self._stats)  # the kernel for numbers does not read them
        kind = "" if scales is None else "_int8"
        self._launcher.launch(
            f"attention_{self._head_dim}{kind}_{warps}x{steps}", grid, 32 * warps, shared_bytes,
            q, keys, values, key_scales, value_scales, at, shared, ways, self._sums, self._stats, self._counters, out,
            rows, self._group, -(-(2**16) // self._group), keys.shape[-2], bucket, _likely(bucket, plan.chunk),
            math.log2(math.e) / math.sqrt(self._head_dim),
        )  # fmt: skip

    def _tiles(self, rows: int) -> int:
        return math.ceil(rows * self._group / _TILE)


def _likely(bucket: int, chunk: int) -> int:
    """Return how many keys are in use almost always: the next smaller bucket has more than half of this one's."""
    return bucket // 2 // chunk * chunk
