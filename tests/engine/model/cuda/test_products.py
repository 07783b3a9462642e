"""The kernels of ``product.cu`` on a CPU, against the dequantised weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from infill_completion.engine.model.cuda.kernels.nf4 import Codebooks, NF4Matrix, codebooks_of, matrix_of
from infill_completion.engine.model.cuda.kernels.packing import pack, unpack
from infill_completion.engine.model.cuda.kernels.products import (
    MAX_ROWS,
    PLANS,
    TILE,
    Normed,
    Places,
    Products,
    RotaryTables,
    StepPlan,
)
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels

PROCESSORS = 2  # so that a block computes several tiles
TOLERANCE = {torch.bfloat16: 0.006, torch.float16: 0.002}  # of the norm; the weights and the result are rounded


def layer(outputs: int, inputs: int, seed: int = 0) -> Any:
    """Return a bitsandbytes layer with random weights, of which one block is much larger than the others."""
    import bitsandbytes

    bnb: Any = bitsandbytes.nn
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed)) * inputs**-0.5
    weight[outputs // 2, :64] *= 20
    made: Any = bnb.Linear4bit(inputs, outputs, bias=False, compress_statistics=True, quant_type="nf4")
    made.weight = bnb.Params4bit(weight, requires_grad=False, compress_statistics=True, quant_type="nf4").to("cpu")
    return made


def dequantized(module: Any) -> Tensor:
    import bitsandbytes

    bnb: Any = bitsandbytes
    return bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state).double()  # type: ignore[no-any-return]


def read(*modules: Any) -> tuple[list[NF4Matrix], Codebooks]:
    """Return the matrices of copies of the layers, packed, and what their numbers stand for."""
    found = [matrix_of(module) for module in modules]
    matrices = [
        matrix._replace(packed=matrix.packed.clone(), scales=matrix.scales.clone()) for matrix in found if matrix
    ]
    books = codebooks_of(list(modules))
    assert books is not None
    for matrix in matrices:
        pack(matrix)
    return matrices, books


def error(got: Tensor, expected: Tensor) -> float:
    return float((got.double() - expected).norm() / expected.norm())


def rows_of(count: int, width: int, dtype: torch.dtype, seed: int = 5) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize(("outputs", "inputs"), [(16, 128), (48, 384), (32, 1408), (80, 4096)])
@pytest.mark.parametrize("plan", PLANS[::3])
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_product_is_that_of_the_dequantised_weights(
    emulated: EmulatedKernels, outputs: int, inputs: int, rows: int, number: torch.dtype, plan: StepPlan
) -> None:
    module = layer(outputs, inputs)
    (matrix,), books = read(module)
    x, out = rows_of(rows, inputs, number), torch.full((rows, outputs), torch.nan, dtype=number)
    products = Products(emulated, books, PROCESSORS)
    products.plan = plan
    products.plain(matrix, x, out)
    assert error(out, x.double() @ dequantized(module).T) < TOLERANCE[number]


def test_a_row_has_the_same_bits_whatever_comes_with_it(emulated: EmulatedKernels, number: torch.dtype) -> None:
    module = layer(48, 1408)
    (matrix,), books = read(module)
    products, x = Products(emulated, books, PROCESSORS), rows_of(8, 1408, number)
    together, alone = torch.zeros(8, 48, dtype=x.dtype), torch.zeros(1, 48, dtype=x.dtype)
    products.plain(matrix, x, together)
    for row in range(8):
        products.plain(matrix, x[row : row + 1].contiguous(), alone)
        assert torch.equal(alone[0], together[row])


def noise(rows: int, width: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(11))


def normed_of(stream: Tensor, weight: Tensor, eps: float, parts: int) -> tuple[Normed, Tensor]:
    """Return what a kernel gets for a residual stream, and the norm itself."""
    squares = stream.square().view(MAX_ROWS, parts, -1).sum(-1).T.contiguous()
    weighted = (stream * weight.float()).to(weight.dtype)
    scale = (stream.double().square().mean(-1, keepdim=True) + eps).rsqrt()
    return Normed(weighted, squares, eps), weighted.double() * scale


@pytest.mark.parametrize("rows", [1, 5])
def test_the_gate_is_that_of_the_norm(emulated: EmulatedKernels, number: torch.dtype, rows: int) -> None:
    hidden, outputs = 256, 144
    gate, up = layer(outputs, hidden, 1), layer(outputs, hidden, 2)
    matrices, books = read(gate, up)
    stream = 3 * noise(MAX_ROWS, hidden)
    normed, exact = normed_of(stream, rows_of(1, hidden, number)[0], 1e-5, 16)
    out = torch.full((MAX_ROWS, outputs), torch.nan, dtype=number)
    Products(emulated, books, PROCESSORS).gate(matrices[0], matrices[1], normed, out, rows)
    expected = nn.functional.silu(exact @ dequantized(gate).T) * (exact @ dequantized(up).T)
    assert error(out[:rows], expected[:rows]) < 2.5 * TOLERANCE[number]
    assert out[rows:].isnan().all()


@pytest.mark.parametrize("rows", [1, 6])
def test_a_product_is_added_to_the_residual_stream(emulated: EmulatedKernels, number: torch.dtype, rows: int) -> None:
    inputs, hidden = 384, 96
    module = layer(hidden, inputs)
    (matrix,), books = read(module)
    x, weight, stream = (
        rows_of(MAX_ROWS, inputs, number),
        rows_of(1, hidden, number)[0],
        noise(MAX_ROWS, hidden),
    )
    before = stream.clone()
    normed = Normed(torch.zeros(MAX_ROWS, hidden, dtype=number), torch.zeros(hidden // TILE, MAX_ROWS), 1e-5)
    Products(emulated, books, PROCESSORS).residual(matrix, x, weight, stream, normed, rows)
    expected = before.double() + x.double() @ dequantized(module).T
    assert error(stream[:rows], expected[:rows]) < TOLERANCE[number]
    assert torch.equal(stream[rows:], before[rows:])
    torch.testing.assert_close(normed.weighted[:rows], (stream * weight.float()).to(number)[:rows])
    torch.testing.assert_close(normed.squares.sum(0)[:rows], stream.square().sum(-1)[:rows])


@pytest.mark.parametrize(("rows", "shared", "ways"), [(1, 0, 1), (4, 0, 1), (6, 9, 3)])
@pytest.mark.parametrize("head_dim", [64, 128])
def test_queries_and_keys_are_rotated_and_written(
    emulated: EmulatedKernels, number: torch.dtype, head_dim: int, rows: int, shared: int, ways: int
) -> None:
    """Also those of several candidates, whose tokens are interleaved in the cache."""
    hidden, heads, kv_heads, capacity, index = 256, 4, 2, 40, 12
    modules = [layer(count * head_dim, hidden, count) for count in (heads, kv_heads)] + [
        layer(kv_heads * head_dim, hidden, 9)
    ]
    matrices, books = read(*modules)
    stream = 2 * noise(MAX_ROWS, hidden)
    normed, exact = normed_of(stream, rows_of(1, hidden, number)[0], 1e-5, 16)
    angles = torch.rand(capacity, 1, head_dim // 2)
    rotary = RotaryTables(
        torch.cat([angles.cos(), angles.cos()], -1).to(number), torch.cat([-angles.sin(), angles.sin()], -1).to(number)
    )
    bias = rows_of(1, (heads + 2 * kv_heads) * head_dim, number)[0]
    cached = tuple(torch.full((1, kv_heads, capacity, head_dim), torch.nan, dtype=number) for _ in range(2))
    out = torch.full((MAX_ROWS, heads, head_dim), torch.nan, dtype=number)
    places = Places(torch.tensor([index]), torch.tensor(shared), torch.tensor(ways))
    Products(emulated, books, PROCESSORS).attention(
        matrices[0], matrices[1], matrices[2], bias, normed, rotary, places, out, (cached[0], cached[1]), rows
    )
    projected = torch.cat([exact @ dequantized(module).T for module in modules], -1) + bias.double()
    split = projected.view(MAX_ROWS, heads + 2 * kv_heads, head_dim)
    at = index + torch.arange(rows)
    position = shared + (at - shared) // ways
    cos, sin = rotary.cos[position].double(), rotary.sin[position].double()
    turned = split[:rows] * cos + split[:rows].roll(head_dim // 2, -1) * sin
    assert error(out[:rows], turned[:, :heads]) < 2.5 * TOLERANCE[number]
    assert error(cached[0][0, :, at].transpose(0, 1), turned[:, heads : heads + kv_heads]) < 2.5 * TOLERANCE[number]
    assert error(cached[1][0, :, at].transpose(0, 1), split[:rows, heads + kv_heads :]) < 2.5 * TOLERANCE[number]
    others = [i for i in range(capacity) if i not in at.tolist()]
    assert all(part[0, :, others].isnan().all() for part in cached)
    assert out[rows:].isnan().all()


def test_packing_can_be_undone() -> None:
    module = layer(48, 384)
    (packed,), _ = read(module)
    assert not torch.equal(packed.packed, module.weight.data)
    unpack(packed)
    assert torch.equal(packed.packed, module.weight.data)
    assert torch.equal(packed.scales, module.weight.quant_state.absmax)


class NoRoomForASecondCopy(TorchDispatchMode):
    """A device on which the second copy finds no memory."""

    copies = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.clone.default:
            self.copies += 1
            if self.copies == 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
        return func(*args, **(kwargs or {}))


def test_without_memory_a_matrix_is_packed_whole_or_not_at_all() -> None:
    """Half of it could not be brought back, and the model would compute with it."""
    module = layer(48, 384)
    matrix = matrix_of(module)
    assert matrix is not None
    before = matrix.packed.clone(), matrix.scales.clone()
    with NoRoomForASecondCopy(), pytest.raises(torch.OutOfMemoryError):
        pack(matrix)
    assert torch.equal(matrix.packed, before[0])
    assert torch.equal(matrix.scales, before[1])


def test_matrices_that_the_kernels_cannot_read_are_left_alone() -> None:
    assert matrix_of(nn.Linear(128, 16)) is None
    assert matrix_of(layer(16, 192)) is None
    assert matrix_of(layer(24, 128)) is None


def test_every_plan_gives_the_same_bits(emulated: EmulatedKernels, number: torch.dtype) -> None:
    """Also where a block computes several tiles."""
    gate, up, out = layer(176, 1408, 1), layer(176, 1408, 2), layer(160, 1408, 3)
    matrices, books = read(gate, up, out)
    products, found = Products(emulated, books, PROCESSORS), []
    stream = noise(MAX_ROWS, 1408)
    normed, _ = normed_of(stream, rows_of(1, 1408, number)[0], 1e-5, 16)
    for plan in PLANS:
        products.plan = plan
        gated, added = torch.zeros(MAX_ROWS, 176, dtype=number), torch.ones(MAX_ROWS, 160)
        products.gate(matrices[0], matrices[1], normed, gated, 3)
        after = Normed(torch.zeros(MAX_ROWS, 160, dtype=number), torch.zeros(10, MAX_ROWS), 1e-5)
        products.residual(matrices[2], rows_of(8, 1408, number), rows_of(1, 160, number)[0], added, after, 3)
        found.append((gated, added, after.weighted, after.squares))
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))
