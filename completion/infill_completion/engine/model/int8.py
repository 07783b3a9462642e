"""Linear layers with 8-bit weights for the CPU: a quarter of the bytes, and reading them is most of a token's time.

The matrix product is torch's ``_weight_int8pack_mm`` (bf16 activations, one scale per row), which torchao and gpt-fast
use too.  It is internal to torch, so :func:`available` tries it before anything relies on it.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

FEW_ROWS = 8  # up to here reading the weights costs more than the arithmetic; prefill has more rows
_AT_ONCE = 1 << 20  # weights that are unpacked at once, in float32
_BLOCK = 32  # with inputs that are no multiple of it the product reads memory that is not its own


class Int8Linear:
    """``x @ weight.T + bias``: int8 weights for a few rows, the same rounded weights dequantized for many rows.

    Args:
        weight: ``(outputs, inputs)``; it is overwritten with its rounded values, so that both ways agree.
        bias: ``(outputs,)`` or None.

    Attributes:
        weight: The weights divided by their scales, int8, ``(outputs, inputs)``.
        scale: The scale of each row, bf16, ``(outputs,)``.
        bias: As given.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight, self.scale = rounded(weight)
        weight.copy_(self._whole())
        self._dequantized: Tensor | None = weight if has_bf16_products() else weight.float()
        self.bias = bias

    @classmethod
    def of(cls, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Int8Linear:
        """Return a layer of rounded weights, which unpacks them for many rows each time."""
        made = cls.__new__(cls)
        made.weight, made.scale, made.bias, made._dequantized = weight, scale, bias, None
        return made

    def _whole(self) -> Tensor:
        return _unpacked(self.weight, self.scale)

    def _product(self, x: Tensor) -> Tensor:
        """Return the product for many rows, unpacking a part of the weights at a time where they are not kept."""
        if self._dequantized is not None:
            return F.linear(x.to(self._dequantized.dtype), self._dequantized)
        outputs = max(1, _AT_ONCE // x.shape[-1])
        dtype = torch.bfloat16 if has_bf16_products() else torch.float32
        parts = zip(torch.split(self.weight, outputs), torch.split(self.scale, outputs), strict=True)
        return torch.cat([F.linear(x.to(dtype), _unpacked(*part).bfloat16().to(dtype)) for part in parts], -1)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the product for ``x`` of shape ``(..., inputs)``, in the dtype of ``x``."""
        rows = x.numel() // x.shape[-1]
        if rows > FEW_ROWS or x.shape[-1] % _BLOCK:
            y = self._product(x)
        else:
            y = torch.ops.aten._weight_int8pack_mm(x.reshape(rows, -1).bfloat16(), self.weight, self.scale)
            y = y.view(*x.shape[:-1], -1)
        y = y.to(x.dtype)
        return y if self.bias is None else y + self.bias


def _unpacked(weight: Tensor, scale: Tensor) -> Tensor:
    return weight.float().mul_(scale.float().unsqueeze(1))


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of a matrix in int8, and the scale of each, bf16, ``(outputs,)``."""
    scale = weight.float().abs().amax(1, keepdim=True).clamp_min(1e-8) / 127
    scale = scale.to(torch.bfloat16)
    numbers = (weight.float() / scale.float()).round().clamp(-127, 127)
    return numbers.to(torch.int8).contiguous(), scale.flatten().contiguous()


@cache
def available() -> bool:
    """Return whether this torch has the product and computes it correctly."""
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
    """Return whether the CPU multiplies bf16 matrices in hardware; on other CPUs float32 is faster."""
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())
