"""The kernels at the ends of a step, run on the CPU, against torch in float32."""

from __future__ import annotations

import pytest
import torch

from infill_completion.engine.model.cuda.kernels.ends import embed, embed_tiles, last_norm
from tests.engine.model.cuda.emulator.kernels import EmulatedKernels


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("hidden", [8, 264, 896, 4096])
@pytest.mark.parametrize("rows", [1, 5, 8])
def test_embeddings_come_scaled_and_with_their_squares(
    emulated: EmulatedKernels, number: torch.dtype, hidden: int, rows: int
) -> None:
    table, weight = torch.randn(50, hidden).to(number), torch.randn(hidden).to(number)
    ids = torch.tensor([49, 0, 7, 7, 50, -1, 2**40, 1])[:rows]  # three of them are not in the table
    x, scaled = torch.full((8, hidden), 9.0), torch.full((8, hidden), 9.0).to(number)
    squares = torch.full((embed_tiles(hidden), 8), 9.0)
    embed(emulated, ids, table, weight, x, scaled, squares)
    known = (ids >= 0) & (ids < 50)
    rows_of_table = torch.zeros(8, hidden)
    rows_of_table[:rows] = table.float()[ids.where(known, torch.tensor(0))] * known[:, None]
    assert torch.equal(x, rows_of_table)
    assert torch.equal(scaled, (rows_of_table * weight.float()).to(number))
    torch.testing.assert_close(squares.sum(0), rows_of_table.square().sum(-1), rtol=1e-5, atol=0)


@pytest.mark.parametrize(("hidden", "tiles"), [(8, 1), (264, 2), (896, 7), (4096, 128)])
@pytest.mark.parametrize("rows", [1, 8])
def test_the_last_norm_is_that_of_torch(
    emulated: EmulatedKernels, number: torch.dtype, hidden: int, tiles: int, rows: int
) -> None:
    x, weight = torch.randn(8, hidden) * 3, torch.randn(hidden).to(number)
    squares = torch.stack([part.square().sum(-1) for part in x.chunk(tiles, -1)])
    normed = torch.full((8, hidden), 9.0).to(number)
    last_norm(emulated, rows, x, squares, weight, 1e-5, normed)
    expected = torch.nn.functional.rms_norm(x.double(), (hidden,), weight.double(), 1e-5)
    expected[rows:] = 0
    torch.testing.assert_close(normed.double(), expected, rtol=2**-8 if number == torch.bfloat16 else 2**-10, atol=1e-6)
    assert not normed[rows:].any()


def test_a_row_does_not_depend_on_the_others(emulated: EmulatedKernels, number: torch.dtype) -> None:
    x, weight, squares = torch.randn(8, 512), torch.randn(512).to(number), torch.rand(40, 8)
    both = [torch.zeros(8, 512).to(number) for _ in range(2)]
    last_norm(emulated, 8, x, squares, weight, 1e-5, both[0])
    x[1:], squares[:, 1:] = float("nan"), float("nan")
    last_norm(emulated, 1, x, squares, weight, 1e-5, both[1])
    assert torch.equal(both[0][0], both[1][0])
