from __future__ import annotations

from pathlib import Path
from typing import Any

import bitsandbytes
import pytest
import torch
from torch import nn

from infill_completion.engine.bench.random_weights import _linear
from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.nf4 import join
from infill_completion.settings import EngineSettings


def layers(*rows: int, columns: int = 128) -> list[Any]:
    random = torch.Generator().manual_seed(columns)
    # Scales far apart, so that each layer gets an offset of its own.
    weights = [torch.randn(count, columns, generator=random) * 3.0**at for at, count in enumerate(rows)]
    return [_linear(weight.bfloat16(), "nf4", torch.bfloat16).eval() for weight in weights]


def whole(layer: Any) -> torch.Tensor:
    weights: torch.Tensor = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    return weights


@pytest.mark.parametrize("rows", [(192, 64, 64), (352, 352)], ids=["q, k, v", "gate, up"])
def test_the_joined_weights_are_bit_for_bit_those_of_the_parts(rows: tuple[int, ...]) -> None:
    parts = layers(*rows)
    assert all(part.weight.quant_state.nested for part in parts)
    expected = torch.cat([whole(part) for part in parts])
    joined = join(*parts)
    assert joined is not None
    assert torch.equal(whole(joined), expected)


@pytest.mark.parametrize("count", [1, 5, 40])
def test_the_joined_layer_computes_what_the_parts_do(count: int) -> None:
    parts = layers(192, 64, 64)
    joined = join(*parts)
    assert joined is not None
    x = torch.randn(1, count, 128, generator=torch.Generator().manual_seed(count)).bfloat16()
    with torch.inference_mode():
        assert torch.equal(joined(x), torch.cat([part(x) for part in parts], -1))


@pytest.mark.parametrize("rows", [(192, 64, 64), (352, 352)], ids=["q, k, v", "gate, up"])
def test_weights_are_held_once_and_the_parts_still_work(rows: tuple[int, ...]) -> None:
    parts = layers(*rows)
    x = torch.randn(1, 3, 128, generator=torch.Generator().manual_seed(3)).bfloat16()
    # On the CPU a layer packs its weights anew when it is first called, so others give the products.
    before = [(whole(part), other(x)) for part, other in zip(parts, layers(*rows), strict=True)]
    joined: Any = join(*parts)
    storages = [joined.weight.data, joined.weight.quant_state.absmax]
    for part, (weights, product) in zip(parts, before, strict=True):
        for held, storage in zip((part.weight.data, part.weight.quant_state.absmax), storages, strict=True):
            assert held.untyped_storage().data_ptr() == storage.untyped_storage().data_ptr()
        assert part.weight.quant_state.state2 is None
        assert torch.equal(whole(part), weights)
        assert torch.equal(part(x), product)


def test_joining_again_takes_no_more_memory() -> None:
    """As a benchmark does that compares several decoders over the same weights."""
    parts = layers(192, 64, 64)
    first: Any = join(*parts)
    second: Any = join(*parts)
    assert second.weight.data.data_ptr() == first.weight.data.data_ptr()
    assert second.weight.quant_state.absmax.data_ptr() == first.weight.quant_state.absmax.data_ptr()
    assert torch.equal(whole(second), whole(first))
    other_order: Any = join(*reversed(parts))
    assert torch.equal(whole(other_order), torch.cat([whole(part) for part in reversed(parts)]))


def test_layers_that_do_not_fit_together_stay_apart() -> None:
    assert join(*layers(64, 64), nn.Linear(128, 64)) is None
    assert join(*layers(64, columns=128), *layers(64, columns=192)) is None
    assert join(*layers(64, 64, columns=96)) is None  # blocks that reach into the next row


def test_a_decoder_with_joined_layers_gives_the_same_logits(tiny_folder: Path) -> None:
    settings = EngineSettings(model=str(tiny_folder), device="cpu", quantization="nf4")
    ids = torch.arange(5, 25)[None]
    logits = []
    for is_joined in (True, False):
        model = load(settings, lambda share, doing: None).model
        decoder = Decoder(model, 64, join_nf4=is_joined)
        kind = type(decoder.layers[0].gate_up).__name__
        assert (kind == "Linear4bit") == is_joined
        logits.append(decoder.forward(ids, KVCache(decoder.kv_shape, 20), 0, all_logits=True))
    assert torch.equal(*logits)
