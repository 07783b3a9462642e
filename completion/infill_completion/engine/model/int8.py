"""Linear layers with 8-bit weights for the CPU: a quarter of the bytes, and bytes are what one token costs.

The product is torch's ``_weight_int8pack_mm`` (bf16 activations, one scale a row), which torchao and gpt-fast use too;
it is internal to torch, so it is tried before it is relied on.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

FEW_ROWS = 8  # up to here the weights' bytes cost more than the products; prefill has more rows


class PackedLinear:
    """``x @ weight.T + bias`` with int8 weights for few rows, and the same rounded weights whole for many.

    Args:
        weight: ``(outputs, inputs)``; it is overwritten with its rounded values, so that both ways agree.
        bias: ``(outputs,)`` or None.

    Attributes:
        packed: The weights over their scales, int8, as ``weight``.
        scale: Of each row, bf16, ``(outputs,)``.
        bias: As given.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        scale = weight.float().abs().amax(1, keepdim=True).clamp_min(1e-8) / 127
        scale = scale.to(torch.bfloat16)
        rounded = (weight.float() / scale.float()).round().clamp(-127, 127)
        self.packed = rounded.to(torch.int8).contiguous()
        self.scale = scale.flatten().contiguous()
        weight.copy_(rounded * scale.float())
        self._whole = weight if has_bf16_products() else weight.float()
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """Return the product for ``x`` of shape ``(..., inputs)``, in the type of ``x``."""
        rows = x.numel() // x.shape[-1]
        if rows > FEW_ROWS:
            y = F.linear(x.to(self._whole.dtype), self._whole)
        else:
            y = torch.ops.aten._weight_int8pack_mm(x.reshape(rows, -1).bfloat16(), self.packed, self.scale)
            y = y.view(*x.shape[:-1], -1)
        y = y.to(x.dtype)
        return y if self.bias is None else y + self.bias


@cache
def available() -> bool:
    """Tell whether this torch has the product and it computes what it should."""
    try:
        x = torch.linspace(-1, 1, 64).view(2, 32).bfloat16()
        weight = torch.arange(-64, 64).repeat(8)[: 16 * 32].view(16, 32).to(torch.int8)
        scale = torch.full((16,), 0.5, dtype=torch.bfloat16)
        y = torch.ops.aten._weight_int8pack_mm(x, weight, scale)
        expected = F.linear(x.float(), weight.float() * 0.5)
        return bool(((y.float() - expected).abs() <= 0.02 * expected.abs().max()).all())
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


@cache
def has_bf16_products() -> bool:
    """Tell whether the CPU multiplies bf16 matrices itself; elsewhere float32 is faster."""
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())
