"""Each way of storing weights gives exactly the numbers that its description gives."""

from __future__ import annotations

import pytest
import torch

from infill_completion.catalog.gguf.storage import TENSOR_TYPES
from infill_completion.engine.checkpoints.gguf.blocks import DEQUANTIZE
from tests.engine.checkpoints.gguf.block_oracle import BLOCKS, random_blocks, values_of

TYPES = {entry.name: entry for entry in TENSOR_TYPES.values()}


@pytest.mark.parametrize("kind", DEQUANTIZE)
def test_blocks_are_dequantized_exactly(kind: str) -> None:
    data = random_blocks(kind, 50, seed=len(kind))
    blocks = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, TYPES[kind].block_bytes)
    found = DEQUANTIZE[kind](blocks)
    assert found.dtype == torch.float32
    assert found.shape == (50, TYPES[kind].block_values)
    assert found.flatten().tolist() == values_of(kind, data)


def test_every_type_is_compared() -> None:
    assert set(BLOCKS) == set(DEQUANTIZE)
    assert all(BLOCKS[kind][0] == TYPES[kind].block_bytes for kind in BLOCKS)
