"""The operations between the matrix products of a layer: additions, norms, rotations and gates.

Each is one operation, so that a kernel can take its place; see
:mod:`infill_completion.engine.model.cuda.kernels.prefill`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_completion.engine.model.kv_cache import KVRows
from infill_completion.engine.model.norms import Norm


class FusedOps(NamedTuple):
    """The operations, as torch runs them or as kernels.

    Attributes:
        add_and_norm: Takes the residual stream ``(batch, length, hidden)``, a tensor to add to it, the norm and its
            epsilon.  Returns the sum and its norm.
        rotate: Takes queries and keys ``(batch, length, heads, head_dim)`` and the rows of the rotary tables
            ``(length, 1, head_dim)`` at their positions; the first half of each row of the sines is negated.  Returns
            the rotated queries and keys, ``(batch, heads, length, head_dim)``.
        gate: Takes ``(..., 2 * intermediate)``.  Returns ``silu`` of the first half times the second half.
        rotate_and_write: Takes queries, keys and values ``(length, (heads + 2 * kv_heads) * head_dim)`` of consecutive
            tokens, the rows of the rotary tables, the cached keys and values of the layer, and the cache index of the
            first token.  Writes rotated keys, and values, to the cache, and returns the rotated queries
            ``(1, heads, length, head_dim)``.  None: the cache writes what ``rotate`` returns.
    """

    add_and_norm: Callable[[Tensor, Tensor, Norm, float], tuple[Tensor, Tensor]]
    rotate: Callable[[Tensor, Tensor, Tensor], Tensor]
    gate: Callable[[Tensor], Tensor]
    rotate_and_write: Callable[[Tensor, Tensor, Tensor, KVRows, KVRows, int], Tensor] | None = None


def _add_and_norm(x: Tensor, change: Tensor, norm: Norm, eps: float) -> tuple[Tensor, Tensor]:
    x = x + change
    return x, norm(x, eps)


def _rotate(qk: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return torch.addcmul(qk * cos, qk.roll(qk.shape[-1] // 2, -1), sin).transpose(1, 2)


def _gate(gate_up: Tensor) -> Tensor:
    half = gate_up.shape[-1] // 2
    return F.silu(gate_up[..., :half]) * gate_up[..., half:]


PLAIN = FusedOps(_add_and_norm, _rotate, _gate)
