"""Packed matrices as dense ones, see ``dense.cu``: products of many rows are computed from these."""

from __future__ import annotations

from torch import Tensor

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix

_THREADS, _GROUP = 256, 8 * 128  # a warp turns 8 outputs by 128 inputs into numbers


def dequantize(launcher: Launcher, codebooks: Codebooks, matrix: NF4Matrix, out: Tensor) -> None:
    """Write the weights of a packed matrix, rounded as bitsandbytes rounds them.

    Args:
        launcher: Runs the kernel.
        codebooks: Of the matrix.
        matrix: In the layout of the kernels.
        out: ``(outputs, inputs)``, contiguous, 16 bits; for example some rows of a larger matrix.
    """
    assert out.is_contiguous()
    assert out.shape == (matrix.outputs, matrix.inputs)
    groups, warps = matrix.outputs * matrix.inputs // _GROUP, _THREADS // 32
    launcher.launch(
        "dequantize", (-(-groups // warps), 1, 1), _THREADS, 0, *codebooks, *matrix.tensors, out, matrix.outputs,
        matrix.inputs,
    )  # fmt: skip
