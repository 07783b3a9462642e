"""The operations between the matrix products of a layer: additions, norms, rotations and gates.

Run one by one they are two thirds of a step's kernels, and each kernel takes longer to launch than to run.  Compiled by
torch's inductor they become one kernel per operation, the same for all layers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

log = logging.getLogger(__name__)

# 1: join 4-bit layers and compile these operations, on CUDA.  Off until a device has shown a gain.
SWITCH = "INFILL_LS_FUSED"

_TOLERANCE = 0.05  # relative to the largest number: a compiled kernel rounds once, separate operators at every step
_MAX_SHAPES = 128


class FusedOps(NamedTuple):
    """The operations, plain or compiled.

    Attributes:
        add_and_norm: Takes the residual stream ``(batch, length, hidden)``, a tensor to add to it, and the weight and
            epsilon of the norm.  Returns the sum and its norm.
        rotate: Takes queries and keys ``(batch, length, heads, head_dim)`` and the rows of the rotary tables
            ``(length, 1, head_dim)`` at their positions; the first half of each row of the sines is negated.  Returns
            the rotated queries and keys, ``(batch, heads, length, head_dim)``.
        gate: Takes ``(..., 2 * intermediate)``.  Returns ``silu`` of the first half times the second half.
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
    half = gate_up.shape[-1] // 2
    return F.silu(gate_up[..., :half]) * gate_up[..., half:]


PLAIN = FusedOps(_add_and_norm, _rotate, _gate)


def compiled(device: torch.device, dtype: torch.dtype) -> FusedOps:
    """Return the operations compiled for one device, or the plain ones if they cannot be compiled.

    The first call with a shape takes seconds; later processes find the kernels on disk.
    """
    compile_: Any = torch.compile
    limits: Any = torch.compiler.config
    # Steps have one shape for each width, and a process may load several models; torch stops after 8 shapes of one
    # function otherwise, with an error.
    limits.recompile_limit = max(limits.recompile_limit, _MAX_SHAPES)
    made = FusedOps(*(compile_(operation, dynamic=False, fullgraph=True) for operation in PLAIN))
    try:
        is_same = _agree(made, device, dtype)
    except Exception as error:  # no compiler, no Triton, a device that is too old: each raises its own type
        log.warning("Fused kernels were not compiled: %s; torch's operators are used instead.", type(error).__name__)
        return PLAIN
    if not is_same:
        log.warning("Fused kernels compute something else than torch's operators, which are used instead.")
    return made if is_same else PLAIN


@torch.inference_mode()
def _agree(made: FusedOps, device: torch.device, dtype: torch.dtype) -> bool:
    def draw(*shape: int) -> Tensor:
        values = torch.linspace(-2.0, 2.0, steps=int(torch.Size(shape).numel())).sin().view(shape)
        return values.to(device=device, dtype=dtype)

    x, row = draw(1, 3, 64), draw(3, 1, 32)
    results = []
    for ops in (made, PLAIN):
        summed, normed = ops.add_and_norm(x, x.flip(-1), draw(64), 1e-5)
        results.append((summed, normed, ops.rotate(draw(1, 3, 4, 32), row, row.flip(-1)), ops.gate(x)))
    return all(
        bool(((one - other).abs() <= _TOLERANCE * other.abs().max()).all()) for one, other in zip(*results, strict=True)
    )
