"""Linear layers with 4-bit weights in groups for the compiled step: five bits a weight with scales and minimums.

Each group of 32 inputs of an output has a scale and a minimum in float16, as in llama.cpp's Q4_1.  The layout is that
of ``group_t`` in ``native/groups.h``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

GROUP_INPUTS, GROUP_OUTPUTS = 32, 16  # as in groups.h
GROUP_BYTES = GROUP_OUTPUTS * (4 + GROUP_INPUTS // 2)
_LARGEST = 15
_FITS = 2
_AT_ONCE = 1 << 17  # weights that are rounded or unpacked at once, in float32


class Groups(NamedTuple):
    """Rows of a matrix in 4 bits: a weight is ``number * scale + low``.

    Attributes:
        numbers: From 0 to 15, ``(outputs, groups, 32)``.
        scale: float16, ``(outputs, groups, 1)``.
        low: float16, ``(outputs, groups, 1)``.
    """

    numbers: Tensor
    scale: Tensor
    low: Tensor

    def values(self) -> Tensor:
        """Return the weights in float32, ``(outputs, groups, 32)``."""
        return self.numbers * self.scale.float() + self.low.float()

    def part(self, first: int, end: int) -> Groups:
        """Return some of the rows."""
        return Groups(*(each[first:end] for each in self))

    def joined(self, below: Groups) -> Groups:
        """Return these rows and others below them."""
        return Groups(*(torch.cat(pair) for pair in zip(self, below, strict=True)))


class Int4Linear:
    """``x @ weight.T + bias`` with 4-bit weights.

    Args:
        weight: What :func:`packed` returns.
        outputs: Rows of the matrix.
        inputs: Columns of the matrix.
        bias: ``(outputs,)`` or None.
    """

    def __init__(self, weight: Tensor, outputs: int, inputs: int, bias: Tensor | None) -> None:
        self.weight, self.outputs, self.inputs, self.bias = weight, outputs, inputs, bias

    def __call__(self, x: Tensor) -> Tensor:
        """Return the product for ``x`` of shape ``(..., inputs)`` in float32, unpacking a few rows at a time."""
        rows = max(1, _AT_ONCE // (self.inputs * GROUP_OUTPUTS))
        wide, parts = x.float(), torch.split(self.weight, rows)
        # Written into one tensor: many small ones would keep the freed memory between them from being used again.
        y = wide.new_empty(*x.shape[:-1], len(self.weight) * GROUP_OUTPUTS)
        for part, into in zip(parts, torch.split(y, rows * GROUP_OUTPUTS, -1), strict=True):
            into.copy_(F.linear(wide, unpacked(part)[:, : self.inputs]))
        y = y[..., : self.outputs].to(x.dtype)
        return y if self.bias is None else y + self.bias


def shape_of(outputs: int, inputs: int) -> tuple[int, int, int]:
    """Return the shape of the packed weights of a matrix, in bytes."""
    return -(-outputs // GROUP_OUTPUTS), -(-inputs // GROUP_INPUTS), GROUP_BYTES


def pack_into(packed: Tensor, weight: Tensor) -> None:
    """Round a matrix ``(outputs, inputs)`` and write it to ``packed``; see :func:`shape_of`."""
    rows = max(1, _AT_ONCE // (weight.shape[1] * GROUP_OUTPUTS))
    for part, wide in zip(torch.split(packed, rows), torch.split(weight, rows * GROUP_OUTPUTS), strict=True):
        part.copy_(packed_tiles(rounded(wide)))


def grouped(weight: Tensor) -> Tensor:
    """Return a matrix in float32, padded with zeros, as ``(outputs, groups, 32)``."""
    outputs, inputs = weight.shape
    padded = F.pad(weight.float(), (0, -inputs % GROUP_INPUTS))
    return padded.view(outputs, padded.shape[1] // GROUP_INPUTS, GROUP_INPUTS)


def rounded(weight: Tensor) -> Groups:
    """Return a matrix ``(outputs, inputs)`` in 4 bits."""
    groups = grouped(weight)
    low = groups.amin(-1, keepdim=True)
    scale, low = ((groups.amax(-1, keepdim=True) - low) / _LARGEST).half(), low.half()
    numbers = nearest(groups, scale, low)
    for _ in range(_FITS):  # the line through the weights over their numbers, which is closer than that of the ends
        scale, low = fitted(groups, numbers, scale, low)
        numbers = nearest(groups, scale, low)
    return Groups(numbers, scale, low)


def nearest(groups: Tensor, scale: Tensor, low: Tensor) -> Tensor:
    """Return the numbers whose weights are nearest to ``groups``."""
    wide = scale.float()
    return ((groups - low.float()) / wide.where(wide != 0, 1.0)).round_().clamp_(0, _LARGEST)


def fitted(groups: Tensor, numbers: Tensor, scale: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scale and the minimum with the least squared error; the given ones where all numbers are equal."""
    mean, middle = numbers.mean(-1, keepdim=True), groups.mean(-1, keepdim=True)
    off = numbers - mean
    spread = off.square().sum(-1, keepdim=True)
    slope = (off * (groups - middle)).sum(-1, keepdim=True) / spread.clamp_min(1e-30)
    varies = spread > 0
    return slope.half().where(varies, scale), (middle - slope * mean).half().where(varies, low)


def packed_tiles(rows: Groups) -> Tensor:
    """Return rows as ``(tiles, groups, GROUP_BYTES)``."""
    numbers, scale, low = rows
    missing = -numbers.shape[0] % GROUP_OUTPUTS
    numbers, scale, low = (F.pad(part, (0, 0, 0, 0, 0, missing)) for part in (numbers, scale, low))
    tiles, groups = numbers.shape[0] // GROUP_OUTPUTS, numbers.shape[1]
    quads = numbers.to(torch.uint8).view(tiles, GROUP_OUTPUTS, groups, GROUP_INPUTS // 8, 2, 4)
    quads = quads.permute(4, 0, 2, 3, 1, 5).reshape(2, tiles, groups, GROUP_OUTPUTS * GROUP_INPUTS // 2)
    edges = [part.view(tiles, GROUP_OUTPUTS, groups).transpose(1, 2).contiguous() for part in (scale, low)]
    return torch.cat([*(edge.view(torch.uint8) for edge in edges), quads[0] | quads[1] << 4], -1)


def unpacked(packed: Tensor) -> Tensor:
    """Return the weights of :func:`pack_into` in float32, ``(outputs, inputs)`` with the padding."""
    tiles, groups, _ = packed.shape
    edge = 2 * GROUP_OUTPUTS
    scale, low = (
        packed[..., at : at + edge].contiguous().view(torch.float16).float().transpose(1, 2).reshape(-1, groups, 1)
        for at in (0, edge)
    )
    both = packed[..., 2 * edge :].view(tiles, groups, GROUP_INPUTS // 8, GROUP_OUTPUTS, 4)
    quads = torch.stack([both & _LARGEST, both >> 4], 3)  # (tiles, groups, eights, 2, outputs, 4)
    numbers = quads.permute(0, 4, 1, 2, 3, 5).reshape(-1, groups, GROUP_INPUTS).float()
    return (numbers * scale + low).view(tiles * GROUP_OUTPUTS, -1)
