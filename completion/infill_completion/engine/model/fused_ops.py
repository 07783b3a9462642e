"""What stands between the products of a layer: additions, norms, rotations and gates.

Operator by operator it is two thirds of a step's kernels, each of which takes longer to start than to run.  Compiled by
torch's inductor they become one kernel each, the same for all layers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

log = logging.getLogger(__name__)

# 1: join 4-bit products and compile what stands between them, on CUDA.  Off until a device has shown what it gains.
SWITCH = "INFILL_LS_FUSED"

_TOLERANCE = 0.05  # of what is largest: a compiled kernel rounds once where operators round at every step


class Glue(NamedTuple):
    """The pieces, plain or compiled.

    Attributes:
        add_and_norm: Of the residual stream ``(batch, length, hidden)``, what is added to it, the weight of the norm
            and its epsilon: the sum, and its norm.
        rotate: Of queries and keys ``(batch, length, heads, width)`` and the rotary rows ``(length, 1, width)`` of
            their positions: the turned ones, ``(batch, heads, length, width)``.  The first half of each row of the
            sines has its sign turned.
        gate: Of ``(..., 2 * wide)``: ``silu`` of the first half, times the second.
    """

    add_and_norm: Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
    rotate: Callable[[Tensor, Tensor, Tensor], Tensor]
    gate: Callable[[Tensor], Tensor]


def _add_and_norm(x: Tensor, change: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    x = x + change
    return x, F.rms_norm(x, (x.shape[-1],), weight, eps)


def _rotate(qk: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return torch.addcmul(qk * cos, qk.roll(qk.shape[-1] // 2, -1), sin).transpose(1, 2)


def _gate(gate_up: Tensor) -> Tensor:
    wide = gate_up.shape[-1] // 2
    return F.silu(gate_up[..., :wide]) * gate_up[..., wide:]


PLAIN = Glue(_add_and_norm, _rotate, _gate)


def compiled(device: torch.device, dtype: torch.dtype) -> Glue:
    """Return the pieces as kernels of their own for one device; the plain ones where they cannot be compiled.

    The first call with a shape takes seconds, later processes find the kernels on disk.
    """
    compile_: Any = torch.compile
    made = Glue(*(compile_(piece, dynamic=False, fullgraph=True) for piece in PLAIN))
    try:
        is_same = _agree(made, device, dtype)
    except Exception as error:  # no compiler, no Triton, a device that is too old: each raises something else
        log.warning("The kernels between products are not compiled: %s.", type(error).__name__)
        return PLAIN
    if not is_same:
        log.warning("The compiled kernels between products compute something else; the operators go on.")
    return made if is_same else PLAIN


@torch.inference_mode()
def _agree(made: Glue, device: torch.device, dtype: torch.dtype) -> bool:
    def draw(*shape: int) -> Tensor:
        values = torch.linspace(-2.0, 2.0, steps=int(torch.Size(shape).numel())).sin().view(shape)
        return values.to(device=device, dtype=dtype)

    x, row = draw(1, 3, 64), draw(3, 1, 32)
    pairs = []
    for pieces in (made, PLAIN):
        summed, normed = pieces.add_and_norm(x, x.flip(-1), draw(64), 1e-5)
        pairs.append((summed, normed, pieces.rotate(draw(1, 3, 4, 32), row, row.flip(-1)), pieces.gate(x)))
    return all(
        bool(((one - other).abs() <= _TOLERANCE * other.abs().max()).all()) for one, other in zip(*pairs, strict=True)
    )
