"""Keys and values in 8 bits: they are read as they were written, within half a step of each row's scale."""

from __future__ import annotations

import pytest
import torch

from infill_completion.engine.model.kv_cache import KVCache, KVShape

CPU = torch.device("cpu")
LAYERS, HEADS, WIDTH = 2, 3, 16
ROUNDED = KVShape((CPU,) * LAYERS, HEADS, WIDTH, torch.int8)


def rows(length: int, seed: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(seed)
    sizes = torch.logspace(-6, 6, HEADS * length).view(1, HEADS, length, 1)
    return torch.randn(1, HEADS, length, WIDTH, generator=chance) * sizes


def filled(length: int) -> tuple[KVCache, torch.Tensor, torch.Tensor]:
    cache, keys, values = KVCache(ROUNDED, length + 4), rows(length, 0), rows(length, 1)
    for layer in range(LAYERS):
        half = length // 2
        cache.write(layer, keys[:, :, :half], values[:, :, :half], 0)
        cache.write(layer, keys[:, :, half:] * (layer + 1), values[:, :, half:], half)
    return cache, keys, values


def test_each_row_keeps_its_own_scale() -> None:
    cache, keys, values = filled(9)
    got_keys, got_values = cache.read(0, 9)
    for got, written in ((got_keys, keys), (got_values, values)):
        step = written.abs().amax(-1, keepdim=True) / 127
        assert ((got - written).abs() <= 0.501 * step).all()
    assert torch.equal(cache.read(1, 9)[0][:, :, 4:], cache.read(0, 9)[0][:, :, 4:] * 2)


def test_a_row_of_zeros_stays_one() -> None:
    cache = KVCache(ROUNDED, 4)
    zeros = torch.zeros(1, HEADS, 2, WIDTH)
    cache.write(0, zeros, zeros, 1)
    assert all(torch.equal(got, torch.zeros(1, HEADS, 4, WIDTH)) for got in cache.read(0, 4))


def test_a_copy_takes_the_scales_along() -> None:
    cache, *_ = filled(9)
    copy = KVCache(ROUNDED, 12)
    copy.copy_from(cache, 6)
    for layer in range(LAYERS):
        for got, expected in zip(copy.read(layer, 6), cache.read(layer, 6), strict=True):
            assert torch.equal(got, expected)
        assert not copy.keys[layer].numbers[:, :, 6:].any()


@pytest.mark.parametrize("dtype", [torch.int8, torch.bfloat16, torch.float32])
def test_the_bytes_are_those_of_the_tensors(dtype: torch.dtype) -> None:
    cache = KVCache(ROUNDED._replace(dtype=dtype), 10, batch=2)
    held = [part for kept in (*cache.keys, *cache.values) for part in kept if part is not None]
    assert cache.bytes == sum(part.nbytes for part in held)
