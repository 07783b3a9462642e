"""Tensors of safetensors files, read a few rows at a time: a checkpoint is packed without ever being held whole.

Reading, unlike mapping, leaves no pages of the files in the process's memory.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.engine.model import int4_grids
from infill_completion.engine.model.int4 import GROUP_OUTPUTS, Groups

environment.prepare()

_TYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
_AT_ONCE = 1 << 17  # numbers; memory for more is not given back to the system


class StoredTensor(NamedTuple):
    """A tensor in a file.

    Attributes:
        file: The file.
        start: Where its numbers begin, in bytes.
        dtype: Their type.
        shape: Its shape.
    """

    file: Path
    start: int
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def has_groups(self) -> bool:
        """Whether the weights of a matrix were in groups of 4 bits before, by its first rows."""
        return int4_grids.is_on_grids(
            self._read(0, min(self.shape[0], GROUP_OUTPUTS) * self.shape[1]).view(-1, self.shape[1])
        )

    def read(self, dtype: torch.dtype | None = None) -> Tensor:
        """Return the whole tensor, in the type of the file or another one."""
        if dtype in {None, self.dtype} or len(self.shape) < 2:
            return self._read(0, math.prod(self.shape)).view(self.shape).to(dtype or self.dtype)
        values, at = torch.empty(self.shape, dtype=dtype), 0
        for part in self.parts():
            values[at : at + len(part)] = part
            at += len(part)
        return values

    def parts(self) -> Iterator[Tensor]:
        """Return the rows of a matrix, some at a time."""
        rows, columns = self.shape
        step = max(1, _AT_ONCE // max(1, columns * GROUP_OUTPUTS)) * GROUP_OUTPUTS
        for first in range(0, rows, step):
            yield self._read(first * columns, min(step, rows - first) * columns).view(-1, columns)

    def groups(self) -> Iterator[Groups]:
        """Return the rows of a matrix in 4 bits, some at a time; exactly where they lie on grids of 4 bits."""
        return int4_grids.groups_of(self.parts())

    def _read(self, first: int, count: int) -> Tensor:
        content = bytearray(count * self.dtype.itemsize)
        with self.file.open("rb", buffering=0) as stream:
            stream.seek(self.start + first * self.dtype.itemsize)
            view = memoryview(content)
            while view and (got := stream.readinto(view)):
                view = view[got:]
        if len(view):
            raise ValueError(f"{self.file.name} is incomplete")
        return torch.frombuffer(content, dtype=self.dtype)


def stored_tensors(files: list[Path]) -> Mapping[str, StoredTensor]:
    """Return the tensors of checked safetensors files by name.

    Raises:
        KeyError: One has a type that holds no weights.
        OSError: A file cannot be read.
        ValueError: A header is damaged.
    """
    found: dict[str, StoredTensor] = {}
    for file in files:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, item in header.items():
            if name != "__metadata__":
                first, end = item["data_offsets"]
                dtype, shape = _TYPES[item["dtype"]], tuple(item["shape"])
                if end - first != math.prod(shape) * dtype.itemsize:
                    raise ValueError(f"{file.name} has a tensor of another length than its shape says")
                found[name] = StoredTensor(file, 8 + length + first, dtype, shape)
    return found
