"""Random NF4 weights as bitsandbytes stores them."""

from __future__ import annotations

from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix
from infill_completion.engine.model.cuda.kernels.packing import pack

environment.prepare()


class NF4Weights:
    """A random matrix ``(outputs, inputs)`` in NF4: blocks of 64, double quantisation."""

    def __init__(self, outputs: int, inputs: int, device: torch.device, dtype: torch.dtype) -> None:
        import bitsandbytes

        bnb: Any = bitsandbytes
        self._bnb, self.dtype = bnb, dtype
        dense = torch.randn(outputs, inputs, device=device, dtype=dtype) * inputs**-0.5
        self._packed, self._state = bnb.functional.quantize_4bit(
            dense, blocksize=64, compress_statistics=True, quant_type="nf4"
        )

    def dequantized(self) -> Tensor:
        """Return the weights that the product stands for."""
        return self._bnb.functional.dequantize_4bit(self._packed, self._state)  # type: ignore[no-any-return]

    @property
    def matrix(self) -> NF4Matrix:
        """The matrix as the project's kernels read it, a copy."""
        state = self._state
        packed, scales = self._packed.clone(), state.absmax.clone()
        made = NF4Matrix(packed, scales, state.state2.absmax, state.offset, *state.shape)
        pack(made)
        return made

    @property
    def codebooks(self) -> Codebooks:
        """What its numbers stand for."""
        return Codebooks(self._state.code, self._state.state2.code)

    def copies(self, count: int) -> list[Tensor]:
        """Return ``count`` copies of the packed numbers, so that products in turn do not read them from the cache."""
        return [self._packed, *(self._packed.clone() for _ in range(count - 1))]

    def product(self, x: Tensor, packed: Tensor | None = None) -> Tensor:
        """Return ``x`` times the weights, ``(rows, outputs)``."""
        numbers = self._packed if packed is None else packed
        return self._bnb.matmul_4bit(x, numbers.t(), quant_state=self._state)  # type: ignore[no-any-return]
