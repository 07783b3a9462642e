"""Weights that were in 4 bits before are found again; others are rounded as ever."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_completion.engine.model import int4, int4_grids


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def on_grids(outputs: int, groups: int, lowest: int, highest: int, seed: int) -> torch.Tensor:
    """Return weights whose groups use some of the 16 levels."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(lowest, highest + 1, (outputs, groups, 32), generator=generator)
    scale, low = (random(outputs, groups, 1, seed=each).half().float() for each in (seed, seed + 1))
    return (numbers * scale.abs() + low).view(outputs, -1)


@given(lowest=st.integers(0, 14), size=st.integers(1, 15), seed=st.integers(0, 999))
@settings(max_examples=60, derandomize=True)
def test_weights_on_grids_stay_as_they_are(lowest: int, size: int, seed: int) -> None:
    weight = on_grids(20, 3, lowest, min(15, lowest + size), seed)
    (found,) = int4_grids.groups_of([weight])
    assert torch.equal(found.values().view(20, -1), weight)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_that_were_rounded_afterwards_keep_their_numbers(dtype: torch.dtype) -> None:
    weight = on_grids(32, 4, 0, 15, seed=5)
    (found,) = int4_grids.groups_of([weight.to(dtype)])
    groups = weight.view(32, 4, 32)
    spread = groups.amax(-1) - groups.amin(-1)
    assert ((found.values() - groups).abs().amax(-1) <= groups.abs().amax(-1) / 128 + spread / 20).all()


def test_parts_of_a_matrix_are_treated_alike() -> None:
    weight = on_grids(64, 2, 2, 13, seed=1)
    parts = list(int4_grids.groups_of(weight.split(16)))
    (whole,) = int4_grids.groups_of([weight])
    for at, part in enumerate(parts):
        assert all(torch.equal(mine, all_[16 * at : 16 * at + 16]) for mine, all_ in zip(part, whole, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_weights_are_rounded_as_ever(dtype: torch.dtype) -> None:
    weight = random(16, 256).to(dtype)
    assert not int4_grids.is_on_grids(weight)
    (found,) = int4_grids.groups_of([weight])
    assert all(torch.equal(mine, other) for mine, other in zip(found, int4.rounded(weight), strict=True))


def test_a_single_group_off_the_grid_in_a_matrix_on_grids_is_rounded() -> None:
    weight = on_grids(64, 2, 0, 15, seed=2)
    weight[40, 32:] = random(32, seed=9)
    (found,) = int4_grids.groups_of([weight])
    got = found.values().view(64, -1)
    assert torch.equal(got[:40], weight[:40])
    assert (got[40] - weight[40]).abs().max() < (weight[40, 32:].max() - weight[40, 32:].min()) / 15


def test_zeros_are_no_grid_and_stay_zeros() -> None:
    assert not int4_grids.is_on_grids(torch.zeros(16, 64))
    (found,) = int4_grids.groups_of([torch.zeros(16, 64)])
    assert found.values().count_nonzero() == 0
