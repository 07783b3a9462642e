"""What groups of weights have learned: a gain and a shift for each, and the weights that they make."""

from __future__ import annotations

from typing import NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.engine.model.int4 import Groups, grouped

environment.prepare()

LARGEST = 15  # of the numbers in 4 bits


class GroupAdapter(NamedTuple):
    """What the groups of a matrix have learned, ``(outputs, groups)`` each.

    Attributes:
        gain: How much farther the weights of a group are from its middle, as a share.
        shift: How far its middle has moved, in units of its scale.
    """

    gain: Tensor
    shift: Tensor

    def part(self, first: int, end: int) -> GroupAdapter:
        """Return what some of the rows have learned."""
        return GroupAdapter(self.gain[first:end], self.shift[first:end])

    def of_groups(self, groups: Groups) -> Groups:
        """Return groups in 4 bits with what they have learned; their numbers stay as they are."""
        unit, middle = edges_of_groups(groups)
        scale = (unit * (1.0 + self.gain.float())).half().float()
        low = middle + self.shift.float() * unit - LARGEST / 2 * scale
        return Groups(groups.numbers, scale[..., None].half(), low[..., None].half())

    def of_rows(self, rows: Tensor) -> Tensor:
        """Return rows of a matrix in float32 with what they have learned."""
        unit, middle = edges_of_rows(rows)
        gain, shift = self.gain.float(), self.shift.float()
        learned = grouped(rows) * (1.0 + gain[..., None]) + (shift * unit - gain * middle)[..., None]
        return learned.view(len(rows), -1)[:, : rows.shape[1]]


def edges_of_groups(groups: Groups) -> tuple[Tensor, Tensor]:
    """Return the scale and the middle of each group in 4 bits, float32, ``(outputs, groups)`` each."""
    unit = groups.scale.float()[..., 0]
    return unit, groups.low.float()[..., 0] + LARGEST / 2 * unit


def edges_of_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return what :func:`edges_of_groups` returns for rows of a matrix that is not in 4 bits."""
    groups = grouped(rows)
    low, high = torch.aminmax(groups, dim=-1)
    return (high - low) / LARGEST, (low + high) / 2
