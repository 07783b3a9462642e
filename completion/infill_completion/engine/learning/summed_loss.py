"""The sum of the losses of a row without all of its logits in memory.

The logits of a row take as much memory as all that its layers keep.  The gradient of a sum of losses is known as soon
as the logits are, so both are made for some targets at a time, and the logits forgotten (Hsu et al. 2024, arXiv
2410.10989).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
import torch.nn.functional as F
from torch import Tensor

environment.prepare()

CHUNK_TARGETS = 128
_GPU_CHUNK_TARGETS = 16_384  # a GPU has the memory, and wants large products

Head = Callable[[Tensor, Tensor], Tensor]


def summed_loss(x: Tensor, rows: Tensor, targets: Tensor, head: Head) -> Tensor:
    """Return the sum of the cross-entropies in nats.

    Args:
        x: What the head reads, ``(count, hidden)``.
        rows: The learned embeddings.
        targets: The right tokens, ``(count,)``.
        head: Returns the logits of ``x`` with ``rows``.
    """
    total: Tensor = _SummedLoss.apply(x, rows, targets, head)  # type: ignore[no-untyped-call]
    return total


class _SummedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor, targets: Tensor, head: Head) -> Tensor:
        below, of_rows = torch.empty_like(x), torch.zeros_like(rows)
        total = x.new_zeros((), dtype=torch.float32)
        count = CHUNK_TARGETS if x.device.type == "cpu" else _GPU_CHUNK_TARGETS
        for start in range(0, len(x), count):
            part = slice(start, start + count)
            with torch.enable_grad():
                own, learned = x[part].detach().requires_grad_(), rows.detach().requires_grad_()
                loss = F.cross_entropy(head(own, learned).float(), targets[part], reduction="sum")
                gradients = torch.autograd.grad(loss, (own, learned), allow_unused=True, materialize_grads=True)
            below[part] = gradients[0]
            of_rows += gradients[1]
            total += loss.detach()
        ctx.save_for_backward(below, of_rows)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (below, of_rows), (above,) = ctx.saved_tensors, gradients
        return below * above.to(below.dtype), of_rows * above, None, None
