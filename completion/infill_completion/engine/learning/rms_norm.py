"""The norm by the root mean square, whose weight learns as a share of itself.

What a forward pass keeps for its gradient decides how many tokens fit into memory at once, so it keeps the input in
bfloat16 and one number a token, and computes the rest again (Zhang and Sennrich 2019, arXiv 1910.07467).
"""

from __future__ import annotations

from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor, nn

environment.prepare()


class RmsNorm(nn.Module):
    """``x / rms(x) * base * (1 + gain)``, computed in float32.

    Args:
        weight: The weight of the checkpoint, ``(hidden,)``.
        eps: Is added to the mean square.
    """

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self._eps = eps
        self.base: Tensor
        self.register_buffer("base", weight.float(), persistent=False)
        self.gain = nn.Parameter(torch.zeros_like(self.base))

    def forward(self, x: Tensor) -> Tensor:
        """Return the norm of ``x``, ``(tokens, hidden)`` in bfloat16."""
        y: Tensor = _Normed.apply(x, self.gain, self.base, self._eps)  # type: ignore[no-untyped-call]
        return y


class _Normed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, base: Tensor, eps: float) -> Tensor:
        wide = x.float()
        factor = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x, factor, gain, base)
        return (wide * factor * (base * (1.0 + gain))).bfloat16()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (x, factor, gain, base), (above,) = ctx.saved_tensors, gradients
        normed = x.float() * factor
        by_base = above.float() * base
        of_normed = by_base * (1.0 + gain)
        along = (of_normed * normed).mean(-1, keepdim=True)
        below = (of_normed - normed * along) * factor
        return below.to(x.dtype), (by_base * normed).sum(0), None, None
