"""Linear layers that learn a gain and a shift for each group of 32 inputs of an output.

A group of 4-bit weights is ``number * scale + low``.  The numbers stay as they are; scale and low are learned, so what
was learned has an exact 4-bit form, costs nothing at inference, and is small (Kim et al. 2023, arXiv 2305.14152, learn
scales alone).  Weights that are not in 4 bits are treated alike, with the unit and the middle of their own range.
"""

from __future__ import annotations

from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor, nn

from infill_completion.engine.model.int4 import GROUP_INPUTS

environment.prepare()


class GroupLinear(nn.Module):
    """``x @ weight.T`` with learned groups, computed in bfloat16.

    Args:
        weight: Float32, ``(outputs, inputs)``; the inputs are a multiple of 32.
        unit: The scale of each group, ``(outputs, groups)``.
        middle: The middle of each group's range.
    """

    def __init__(self, weight: Tensor, unit: Tensor, middle: Tensor) -> None:
        super().__init__()
        self.base: Tensor
        self.unit: Tensor
        self.middle: Tensor
        for name, tensor in (("base", weight.bfloat16()), ("unit", unit.float()), ("middle", middle.float())):
            self.register_buffer(name, tensor, persistent=False)
        self.gain = nn.Parameter(torch.zeros_like(self.unit))
        self.shift = nn.Parameter(torch.zeros_like(self.unit))
        self._learned: tuple[tuple[int, int, torch.device], Tensor] | None = None

    def weight(self) -> Tensor:
        """Return the weights as they are now, bfloat16, ``(outputs, inputs)``; made once after each change."""
        state = (self.gain._version, self.shift._version, self.base.device)
        if self._learned is None or self._learned[0] != state:
            self._learned = state, self._made()
        return self._learned[1]

    def _made(self) -> Tensor:
        factor = self.gain.detach() + 1.0
        offset = self.shift.detach() * self.unit - self.gain.detach() * self.middle
        groups = self.base.view(*factor.shape, GROUP_INPUTS)
        learned = torch.addcmul(offset[..., None], groups.float(), factor[..., None])
        return learned.bfloat16().view(self.base.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return the product for ``x`` of shape ``(tokens, inputs)`` in bfloat16."""
        y: Tensor = _Product.apply(x, self.gain, self.shift, self)  # type: ignore[no-untyped-call]
        return y


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, layer: GroupLinear) -> Tensor:
        weight = layer.weight()
        ctx.save_for_backward(x, weight)
        ctx.layer = layer
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        (x, weight), layer, (above,) = ctx.saved_tensors, ctx.layer, gradients
        below = above @ weight if ctx.needs_input_grad[0] else None
        of_weights = (above.T @ x).view(-1, GROUP_INPUTS)
        # Products with ones are the fastest sums in bfloat16.
        ones = of_weights.new_ones(GROUP_INPUTS, 1)
        shift = (of_weights @ ones).float().view_as(layer.middle)
        by_weight = (of_weights.mul_(layer.base.view_as(of_weights)) @ ones).float().view_as(layer.middle)
        return below, by_weight - layer.middle * shift, shift * layer.unit, None
