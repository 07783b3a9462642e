"""The order in which the kernels read a 4-bit matrix, and bitsandbytes' order.

The weights of eight rows and 128 inputs are a group of 512 bytes, ``[row 8][part 4][block 2][8 bytes]``: a part is what
one lane of a warp multiplies, 16 inputs of each of two blocks of scales.  The groups of a run of rows follow each other
along the inputs.  Scales are in groups of 16, ``[row 8][block 2]``.
"""

from __future__ import annotations

from torch import Tensor

from infill_completion.engine.model.cuda.kernels.nf4 import NF4Matrix

_ROWS, _UNIT, _PARTS, _BLOCKS, _BYTES = 8, 128, 4, 2, 8  # of a group


def pack(matrix: NF4Matrix) -> None:
    """Bring a matrix from bitsandbytes' order into that of the kernels; its tensors keep their memory."""
    _reorder(matrix, *_in_rows(matrix))


def unpack(matrix: NF4Matrix) -> None:
    """Bring a matrix back into bitsandbytes' order."""
    groups, units = matrix.outputs // _ROWS, matrix.inputs // _UNIT
    packed = matrix.packed.view(groups, units, _ROWS, _PARTS, _BLOCKS, _BYTES)
    _reorder(matrix, packed, matrix.scales.view(groups, units, _ROWS, _BLOCKS))


def _reorder(matrix: NF4Matrix, packed: Tensor, scales: Tensor) -> None:
    """Exchange groups and rows, given as views; where there is no memory for the copies, nothing has changed yet."""
    weights, codes = packed.permute(0, 2, 1, 4, 3, 5).reshape(-1), scales.permute(0, 2, 1, 3).reshape(-1)
    matrix.packed.view(-1).copy_(weights)
    matrix.scales.view(-1).copy_(codes)


def _in_rows(matrix: NF4Matrix) -> tuple[Tensor, Tensor]:
    """Return views of the weights, ``(groups, 8, units, 2, 4, 8)``, and of the scales, ``(groups, 8, units, 2)``."""
    groups, units = matrix.outputs // _ROWS, matrix.inputs // _UNIT
    return (
        matrix.packed.view(groups, _ROWS, units, _BLOCKS, _PARTS, _BYTES),
        matrix.scales.view(groups, _ROWS, units, _BLOCKS),
    )
