"""Muon for matrices of equal shape at once (Jordan et al. 2024), for devices where every launch counts.

A layer's joined matrices are taken apart again, because the queries' matrix should be made orthogonal by itself.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.model import PARTS, Llama

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """Return nearly the nearest half-orthogonal matrices, ``(count, rows, columns)``, by a Newton-Schulz iteration."""
    a, b, c = COEFFICIENTS
    x: Tensor = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


class StackedMuon:
    """Muon with Nesterov momentum over the same matrix of all layers; updates as large as AdamW's.

    Args:
        model: Its layers' matrices are trained.
        rate: The full rate.
        weight_decay: Share of the weights that a full rate of 1 takes away.
        momentum: Of the gradients.
    """

    def __init__(self, model: Llama, rate: float, weight_decay: float = 0.1, momentum: float = 0.95) -> None:
        self.rate, self.weight_decay, self.momentum = rate, weight_decay, momentum
        self._groups: list[tuple[list[Tensor], int]] = []
        for name, parts in PARTS.items():
            matrices: list[Tensor] = [layer.get_parameter(name) for layer in model.stack()]
            if matrices[0].ndim == 2:
                self._groups.append((matrices, len(parts)))
        self._buffers: list[Tensor | None] = [None] * len(self._groups)

    def reset(self) -> None:
        """Forget the momentum."""
        self._buffers = [None] * len(self._groups)

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Step with the full rate times ``factor``."""
        rate = self.rate * factor
        for index, (matrices, parts) in enumerate(self._groups):
            rows, columns = matrices[0].shape
            gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in matrices]
            gradient = torch.stack(gradients).view(-1, rows // parts, columns)
            buffer = self._buffers[index]
            if buffer is None:
                buffer = self._buffers[index] = torch.zeros_like(gradient)
            buffer.lerp_(gradient, 1 - self.momentum)
            update = orthogonal(gradient.lerp(buffer, self.momentum))
            scale = -0.2 * max(rows // parts, columns) ** 0.5 * rate
            updates = list((update * scale).view(len(matrices), rows, columns).unbind())
            torch._foreach_mul_(matrices, 1 - rate * self.weight_decay)
            torch._foreach_add_(matrices, updates)
