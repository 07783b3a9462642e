"""4-bit matrices as the kernels read them: the tensors that bitsandbytes keeps, without a copy."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

BLOCK, COARSE_BLOCK = 64, 256
_INPUTS, _OUTPUTS = 128, 16  # as in product.cu: inputs of a unit, outputs of a tile


class NF4Matrix(NamedTuple):
    """A matrix of ``outputs`` rows and ``inputs`` columns in NF4 with double quantisation.

    Attributes:
        packed: Two weights to a byte, row by row, the first in the upper four bits; uint8.
        scales: A number of the code for each 64 weights of a row, uint8.
        coarse: A factor for each 256 of these, float32.
        offset: Added to every scale, float32, ``()``.
        outputs: Rows.
        inputs: Columns.
    """

    packed: Tensor
    scales: Tensor
    coarse: Tensor
    offset: Tensor
    outputs: int
    inputs: int

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The arguments of a kernel."""
        return self.packed, self.scales, self.coarse, self.offset


class Codebooks(NamedTuple):
    """What the numbers of all matrices stand for.

    Attributes:
        levels: The 16 weights, float32.
        code: The 256 scales, float32.
    """

    levels: Tensor
    code: Tensor


def matrix_of(module: Any) -> NF4Matrix | None:
    """Return the matrix of a bitsandbytes layer, or None if the kernels cannot read it."""
    if type(module).__name__ != "Linear4bit":
        return None
    state = module.weight.quant_state
    if (
        state is None
        or (state.quant_type, state.blocksize, state.nested) != ("nf4", BLOCK, True)
        or state.state2.blocksize != COARSE_BLOCK
        or getattr(state, "packing_format_for_cpu", False)
    ):
        return None
    outputs, inputs = state.shape
    if inputs % _INPUTS or outputs % _OUTPUTS:
        return None
    packed, scales, coarse = module.weight.data, state.absmax, state.state2.absmax
    if not all(part.is_contiguous() for part in (packed, scales, coarse)) or packed.data_ptr() % 16:
        return None
    return NF4Matrix(packed, scales, coarse, state.offset.float(), outputs, inputs)


def codebooks_of(modules: list[Any]) -> Codebooks | None:
    """Return the codebooks that all of these layers share, or None if they differ."""
    states = [module.weight.quant_state for module in modules]
    levels, code = states[0].code.float(), states[0].state2.code.float()
    same = all(
        torch.equal(state.code.float(), levels) and torch.equal(state.state2.code.float(), code) for state in states
    )
    return Codebooks(levels, code) if same else None
