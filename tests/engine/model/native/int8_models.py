"""What the tests of the compiled step share: small int8 models, and the same weights in float32."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from infill_completion.engine.checkpoints.checkpoint import load
from infill_completion.engine.model import int4, int8
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.int4 import Int4Linear
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.native import compiler as native_compiler
from infill_completion.settings import EngineSettings
from tests.engine.tiny import VOCABULARY, save_tiny

COMPILE_LIMIT_S = 120.0
needs_compiler = [
    pytest.mark.skipif(not int8.available(), reason="this torch has no int8 products for the CPU"),
    pytest.mark.skipif(native_compiler.find() is None, reason="needs a C compiler"),
]


def int8_tiny(folder: Path, **shape: Any) -> tuple[Decoder, Any]:
    """Return an int8 decoder and the transformers model that holds the very same rounded weights in float32."""
    shape = {"head_dim": 32, **shape}
    settings = EngineSettings(model=str(save_tiny(folder, **shape)), device="cpu", quantization="int8")
    loaded = load(settings, lambda share, doing: None)
    decoder = Decoder(loaded.model, 64, cpu_int8=True)
    return decoder, float_model(loaded.model, decoder)


def float_model(transformers_model: Any, decoder: Decoder) -> Any:
    """Return a copy of a model in float32 with the rounded weights of the decoder made from it."""
    model = copy.deepcopy(transformers_model).float()
    for layer, held in zip(model.model.layers, decoder.layers, strict=True):
        attention, mlp = layer.self_attn, layer.mlp
        is_gated = decoder.architecture.is_gated
        widening = (mlp.gate_proj, mlp.up_proj) if is_gated else (mlp.c_fc,)
        for modules, product in (
            ((attention.q_proj, attention.k_proj, attention.v_proj), held.qkv),
            ((attention.o_proj,), held.out),
            (widening, held.gate_up),
            ((mlp.down_proj if is_gated else mlp.c_proj,), held.down),
        ):
            set_weights(modules, product)
    set_weights((model.lm_head,), decoder.head)
    return model


def empty_cache(decoder: Decoder, capacity: int, batch: int = 1) -> KVCache:
    """Return a cache of the type that the compiled step uses."""
    forward_pass = ForwardPass(decoder)
    assert forward_pass.kv_shape.is_rounded
    return KVCache(forward_pass.kv_shape, capacity, batch)


def set_weights(modules: tuple[Any, ...], product: Any) -> None:
    if isinstance(product, Int4Linear):
        whole = int4.unpacked(product.weight)[: product.outputs, : product.inputs].contiguous()
    else:
        whole = product.weight.float() * product.scale.float()[:, None]
    for module, weight in zip(modules, whole.split([module.weight.shape[0] for module in modules]), strict=True):
        module.weight.data = weight


class RoundedCache(DynamicCache):
    """Keeps keys and values as 8-bit integers do."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> Any:
        return super().update(rounded(key_states), rounded(value_states), layer_idx, *args, **kwargs)


def rounded(rows: torch.Tensor) -> torch.Tensor:
    worth = rows.abs().amax(-1, keepdim=True) / 127
    return (rows / worth).round() * worth


def token_ids(batch: int, length: int) -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(length))
