"""The norms of a model: of the root mean square as in Llama, or LayerNorm as in StarCoder2."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Norm(NamedTuple):
    """A norm.

    Attributes:
        weight: ``(width,)``.
        bias: ``(width,)`` of a LayerNorm (Ba et al. 2016, arXiv 1607.06450); None for a norm of the root mean square
            (Zhang and Sennrich 2019, arXiv 1910.07467).
    """

    weight: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, module: Any, dtype: torch.dtype, device: torch.device | None = None) -> Norm:
        """Return the norm of a transformers module."""
        bias = getattr(module, "bias", None)
        return cls(module.weight.detach().to(device, dtype), None if bias is None else bias.detach().to(device, dtype))

    def __call__(self, x: Tensor, eps: float) -> Tensor:
        """Return the normed rows of ``x``, ``(..., width)``."""
        if self.bias is None:
            return F.rms_norm(x, self.weight.shape, self.weight, eps)
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, eps)
