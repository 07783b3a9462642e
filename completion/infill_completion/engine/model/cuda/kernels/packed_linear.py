"""Linear layers over packed matrices, for any number of rows.

Up to eight rows are a step's, and run in its kernel.  For more, the weights are turned into dense ones, which tensor
cores multiply best: that takes the time of a few rows, so it costs little for a long prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_completion.engine.model.cuda.kernels.dense import dequantize
from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix
from infill_completion.engine.model.cuda.kernels.products import MAX_ROWS, Products


class PackedProducts:
    """Products with the packed matrices of one model.

    All share one buffer for dense weights: the device runs one product after the other.  It is allocated here, so that
    a product may be captured in a graph.

    Args:
        launcher: The device.
        codebooks: Of all matrices.
        processors: Number of streaming multiprocessors.
        largest: Most weights of a product.
        like: A tensor on the device with the type of numbers.
    """

    def __init__(self, launcher: Launcher, codebooks: Codebooks, processors: int, largest: int, like: Tensor) -> None:
        self._launcher, self._codebooks = launcher, codebooks
        self._few = Products(launcher, codebooks, processors)
        self._dense = torch.empty(largest, dtype=like.dtype, device=like.device)

    def product(self, matrices: Sequence[NF4Matrix], bias: Tensor | None, x: Tensor) -> Tensor:
        """Return the products of ``x``, ``(..., inputs)``, side by side, ``(..., outputs of all)``."""
        rows = x.reshape(-1, x.shape[-1]).to(self._dense.dtype).contiguous()
        if 0 < len(rows) <= MAX_ROWS:
            parts = [self._product_of_few(matrix, rows) for matrix in matrices]
            y = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
            y = y if bias is None else y + bias
        else:
            y = F.linear(rows, self._weights(matrices), bias)
        return y.view(*x.shape[:-1], y.shape[-1]).to(x.dtype)

    def _product_of_few(self, matrix: NF4Matrix, rows: Tensor) -> Tensor:
        out = rows.new_empty(len(rows), matrix.outputs)
        self._few.plain(matrix, rows, out)
        return out

    def _weights(self, matrices: Sequence[NF4Matrix]) -> Tensor:
        """Return the weights of matrices, one below the other, ``(outputs of all, inputs)``, until the next product."""
        inputs, outputs = matrices[0].inputs, [matrix.outputs for matrix in matrices]
        dense = self._dense[: sum(outputs) * inputs].view(sum(outputs), inputs)
        for matrix, part in zip(matrices, torch.split(dense, outputs), strict=True):
            dequantize(self._launcher, self._codebooks, matrix, part)
        return dense


class PackedLinear(nn.Module):
    """What bitsandbytes' layer of a packed matrix is replaced by in the transformers model; it has no state to save."""

    def __init__(self, products: PackedProducts, matrix: NF4Matrix, bias: Tensor | None) -> None:
        super().__init__()
        self.in_features, self.out_features = matrix.inputs, matrix.outputs
        self._products, self._matrix, self._bias = products, matrix, bias

    def forward(self, x: Tensor) -> Tensor:
        """Return the product for ``x`` of shape ``(..., inputs)``, of its type."""
        return self._products.product([self._matrix], self._bias, x)
