"""Reads the tensors of a GGUF file one after the other, dequantized, with little memory besides the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.catalog.gguf import TensorEntry
from infill_completion.engine.checkpoints.gguf.blocks import DEQUANTIZE
from infill_completion.engine.checkpoints.gguf.contents import Place
from infill_completion.engine.errors import ModelError

environment.prepare()

_CHUNK_BYTES = 1 << 20  # read at once; eight times as many while they are dequantized


def tensors(
    path: Path, places: Sequence[Place], dtype: torch.dtype, device: torch.device
) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and the values of each tensor, in the given order.

    Raises:
        ModelError: The file cannot be read, or is shorter than before.
    """
    try:
        with path.open("rb") as stream:
            for place in places:
                yield place.name, _tensor(stream, place, dtype, device)
    except EOFError as error:
        raise ModelError(f"{path.name} changed while it was read; load the model again.") from error
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read ({error.strerror}); check the file.") from error


def _tensor(stream: BinaryIO, place: Place, dtype: torch.dtype, device: torch.device) -> Tensor:
    entry = place.entry
    values = torch.empty(entry.shape, dtype=dtype, device=device)
    # A vector is one row for the reader; the rows of a bias of heads in pairs are its single values.
    rows = values.view(-1, entry.shape[-1]) if values.ndim > 1 else values[None]
    at = 0
    for part in _rows(stream, entry):
        rows[at : at + len(part)] = part.to(device, dtype)
        at += len(part)
    return values if not place.paired_width else _halves(values, place.paired_width)


def _rows(stream: BinaryIO, entry: TensorEntry) -> Iterator[Tensor]:
    """Yield a few dequantized rows at a time, ``(rows, row)`` in float32."""
    count, width = entry.values // entry.shape[-1], entry.shape[-1]
    row_bytes = width // entry.type.block_values * entry.type.block_bytes
    at_once = max(1, _CHUNK_BYTES // row_bytes)
    stream.seek(entry.start)
    for first in range(0, count, at_once):
        rows = min(at_once, count - first)
        packed = bytearray(rows * row_bytes)
        if stream.readinto(packed) != len(packed):  # type: ignore[attr-defined]
            raise EOFError
        blocks = torch.frombuffer(packed, dtype=torch.uint8).view(-1, entry.type.block_bytes)
        yield DEQUANTIZE[entry.type.name](blocks).view(rows, width)


def _halves(values: Tensor, width: int) -> Tensor:
    """Return the rows of each head with the even ones before the odd ones.

    llama.cpp's converter did the opposite, because llama.cpp rotates neighbours: ``LlamaModel.permute`` in
    ``convert_hf_to_gguf.py``.
    """
    return values.reshape(-1, width // 2, 2, *values.shape[1:]).transpose(1, 2).reshape(values.shape)
