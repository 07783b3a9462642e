"""Tensors of GGUF files, read a few rows at a time: dequantized, or in the 4-bit groups that the file has.

Reading, unlike mapping, leaves no pages of the file in the process's memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.engine.checkpoints.gguf.blocks import DEQUANTIZE, IN_GROUPS
from infill_completion.engine.checkpoints.gguf.contents import Place
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model import int4_grids
from infill_completion.engine.model.int4 import GROUP_INPUTS, GROUP_OUTPUTS, Groups

environment.prepare()

_GROUP_BITS = 5.0  # of a weight with its scale and minimum
_UNEVEN = ("IQ4_NL", "IQ4_XS")  # their sixteen numbers are no even steps, which groups have
_AT_ONCE = 1 << 17  # weights that are dequantized at once, in float32


class GgufTensor(NamedTuple):
    """A tensor in a GGUF file.

    Attributes:
        path: The file.
        place: Its place there.
    """

    path: Path
    place: Place

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.place.entry.shape

    @property
    def has_groups(self) -> bool:
        """Whether its weights are in groups of 4 bits, or take no more than such and are in even steps."""
        kind = self.place.entry.type
        return kind.name not in _UNEVEN and 8 * kind.block_bytes / kind.block_values <= _GROUP_BITS

    def read(self, dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> Tensor:
        """Return the whole tensor.

        Raises:
            ModelError: As :meth:`parts`.
        """
        values = torch.empty(self.shape, dtype=dtype, device=device)
        if values.ndim == 1:
            flat = [DEQUANTIZE[self.place.entry.type.name](blocks).flatten() for blocks, _ in self._blocks()]
            return values.copy_(self._turned(torch.cat(flat)))
        at = 0
        for part in self.parts():
            values.view(-1, self.shape[-1])[at : at + len(part)] = part.to(values.device, dtype)
            at += len(part)
        return values

    def parts(self) -> Iterator[Tensor]:
        """Return the rows of a matrix in float32, some at a time.

        Raises:
            ModelError: The file cannot be read, or is shorter than before.
        """
        dequantize = DEQUANTIZE[self.place.entry.type.name]
        for blocks, rows in self._blocks():
            yield self._turned(dequantize(blocks).view(rows, -1))

    def groups(self) -> Iterator[Groups]:
        """Return the rows of a matrix in 4 bits, some at a time; those of the file where it has such groups.

        Raises:
            ModelError: As :meth:`parts`.
        """
        in_groups = IN_GROUPS.get(self.place.entry.type.name)
        if in_groups is None:
            yield from int4_grids.groups_of(self.parts())
            return
        for blocks, rows in self._blocks():
            numbers, scale, low = in_groups(blocks)
            shaped = numbers.view(rows, -1, GROUP_INPUTS), scale.view(rows, -1, 1), low.view(rows, -1, 1)
            yield Groups(*(self._turned(part) for part in shaped))

    def _blocks(self) -> Iterator[tuple[Tensor, int]]:
        """Yield the bytes of some whole rows, ``(blocks, bytes)``, and how many rows they are."""
        entry, unit = self.place.entry, self.place.paired_width or GROUP_OUTPUTS
        count, width = entry.values // entry.shape[-1], entry.shape[-1]
        row_bytes = width // entry.type.block_values * entry.type.block_bytes
        at_once = max(1, _AT_ONCE // (width * unit)) * unit
        for first in range(0, count, at_once):
            rows = min(at_once, count - first)
            content = self._bytes(entry.start + first * row_bytes, rows * row_bytes)
            yield torch.frombuffer(content, dtype=torch.uint8).view(-1, entry.type.block_bytes), rows

    def _bytes(self, start: int, count: int) -> bytearray:
        content = bytearray(count)
        view = memoryview(content)
        try:
            with self.path.open("rb", buffering=0) as stream:
                stream.seek(start)
                while view and (got := stream.readinto(view)):
                    view = view[got:]
        except OSError as error:
            raise ModelError(f"{self.path.name} cannot be read ({error.strerror}); check the file.") from error
        if len(view):
            raise ModelError(f"{self.path.name} changed while it was read; load the model again.")
        return content

    def _turned(self, rows: Tensor) -> Tensor:
        """Return the rows of each head with the even ones before the odd ones.

        llama.cpp's converter did the opposite, because llama.cpp rotates neighbours: ``LlamaModel.permute`` in
        ``convert_hf_to_gguf.py``.
        """
        width = self.place.paired_width
        if not width:
            return rows
        return rows.reshape(-1, width // 2, 2, *rows.shape[1:]).transpose(1, 2).reshape(rows.shape)


def tensors(
    path: Path, places: Sequence[Place], dtype: torch.dtype, device: torch.device
) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and the values of each tensor, in the given order.

    Raises:
        ModelError: The file cannot be read, or is shorter than before.
    """
    for place in places:
        yield place.name, GgufTensor(path, place).read(dtype, device)
