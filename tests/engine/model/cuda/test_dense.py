"""Packed matrices as dense ones: the kernel of ``dense.cu`` on a CPU, bit by bit against bitsandbytes."""

from __future__ import annotations

from typing import Any

import bitsandbytes
import pytest
import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.dense import dequantize
from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix, codebooks_of, matrix_of
from infill_completion.engine.model.cuda.kernels.packing import pack
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

SIZES = [(16, 128), (32, 256), (48, 1408), (160, 384), (80, 4096)]


def layer(outputs: int, inputs: int, number: torch.dtype) -> Any:
    """Return a bitsandbytes layer whose scales are far apart."""
    bnb: Any = bitsandbytes.nn
    random = torch.Generator().manual_seed(outputs)
    weight = torch.randn(outputs, inputs // 64, 64, generator=random)
    weight *= 10.0 ** torch.randint(-4, 2, (outputs, inputs // 64, 1), generator=random)
    made: Any = bnb.Linear4bit(inputs, outputs, bias=False, compress_statistics=True, quant_type="nf4")
    made.weight = bnb.Params4bit(
        weight.view(outputs, inputs).to(number), requires_grad=False, compress_statistics=True, quant_type="nf4"
    ).to("cpu")
    return made


def expected(module: Any) -> Tensor:
    """Return the weights as bitsandbytes' kernels for CUDA compute them."""
    functional: Any = bitsandbytes.functional
    state = module.weight.quant_state
    scales = functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
    numbers = torch.stack([module.weight.data.flatten() >> 4, module.weight.data.flatten() & 15], -1)
    return (state.code[numbers.long()].view(-1, 64) * scales[:, None]).view(state.shape).to(state.dtype)  # type: ignore[no-any-return]


def packed(module: Any) -> tuple[NF4Matrix, Codebooks]:
    matrix, books = matrix_of(module), codebooks_of([module])
    assert matrix is not None
    assert books is not None
    matrix = matrix._replace(packed=matrix.packed.clone(), scales=matrix.scales.clone())
    pack(matrix)
    return matrix, books


@pytest.mark.parametrize(("outputs", "inputs"), SIZES)
def test_the_weights_are_those_of_bitsandbytes(
    emulated: EmulatedKernels, number: torch.dtype, outputs: int, inputs: int
) -> None:
    module = layer(outputs, inputs, number)
    matrix, books = packed(module)
    out = torch.full((outputs, inputs), torch.nan, dtype=number)
    dequantize(emulated, books, matrix, out)
    assert torch.equal(out, expected(module))
    assert torch.equal(out, bitsandbytes.functional.dequantize_4bit(module.weight.data, module.weight.quant_state))


def test_matrices_are_written_one_below_the_other(emulated: EmulatedKernels, number: torch.dtype) -> None:
    modules = [layer(outputs, 256, number) for outputs in (32, 16, 64)]
    out, row = torch.full((32 + 16 + 64 + 8, 256), torch.nan, dtype=number), 0
    for module in modules:
        matrix, books = packed(module)
        dequantize(emulated, books, matrix, out[row : row + matrix.outputs])
        row += matrix.outputs
    assert torch.equal(out[:row], torch.cat([expected(module) for module in modules]))
    assert out[row:].isnan().all()
